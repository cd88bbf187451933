// A Worker that posts numbers to a port, or to its parent, and wakes the loop where it was told how.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { wake } from "../../src/wakers.ts";
import { passGate } from "./worker-gate.ts";

const { cells, port, id, first, count, pauseMs, stays } = workerData as {
  readonly cells: Int32Array;
  readonly port: MessagePort | undefined;
  readonly id: number | undefined;
  readonly first: number;
  readonly count: number;
  readonly pauseMs: number;
  /** Whether this thread, and the port with it, goes on after the last message. */
  readonly stays: boolean;
};

passGate(cells);
const pause = new Int32Array(new SharedArrayBuffer(4));
for (let number = first; number < first + count; number++) {
  if (pauseMs > 0) Atomics.wait(pause, 0, 0, pauseMs);
  (port ?? parentPort)?.postMessage(number);
  if (id !== undefined) wake(id);
}
if (stays) setInterval(() => {}, 60_000);
