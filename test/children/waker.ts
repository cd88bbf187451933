// A Worker that wakes a loop of another thread through its wake fd, many times or after a delay.
import { parentPort, workerData } from "node:worker_threads";
import { native } from "../../src/native.ts";
import { COUNT, GATE, passGate } from "./worker-gate.ts";

const { cells, wakeFd, wakes, delayMs } = workerData as {
  readonly cells: Int32Array;
  readonly wakeFd: number;
  readonly wakes: number;
  readonly delayMs: number;
};

const { ioloop_wake } = native();
passGate(cells);
// The gate stays open, so this is a sleep that needs no event loop.
if (delayMs > 0) Atomics.wait(cells, GATE, 1, delayMs);
for (let wake = 0; wake < wakes; wake++) {
  Atomics.add(cells, COUNT, 1);
  ioloop_wake(wakeFd);
}
parentPort?.postMessage("done");
