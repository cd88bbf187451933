// A Worker that wakes a loop of another thread by its waker's number, many times or after a delay.
import { parentPort, workerData } from "node:worker_threads";
import { wake } from "../../src/wakers.ts";
import { COUNT, GATE, passGate } from "./worker-gate.ts";

const { cells, id, wakes, delayMs } = workerData as {
  readonly cells: Int32Array;
  readonly id: number;
  readonly wakes: number;
  readonly delayMs: number;
};

passGate(cells);
// The gate stays open, so this is a sleep that needs no event loop.
if (delayMs > 0) Atomics.wait(cells, GATE, 1, delayMs);
for (let count = 0; count < wakes; count++) {
  Atomics.add(cells, COUNT, 1);
  wake(id);
}
parentPort?.postMessage("done");
