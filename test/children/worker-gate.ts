// What a test and its Workers share to begin at the same moment.
import { parentPort } from "node:worker_threads";

/** Int32 cells that a test shares with its Workers. */
export const GATE = 0;
export const COUNT = 1;

/** Tells the test that this Worker is there, then waits until the test opens the gate. */
export function passGate(cells: Int32Array): void {
  parentPort?.postMessage("ready");
  Atomics.wait(cells, GATE, 0, 4000);
}

/** Lets every Worker through that waits at the gate, or will. */
export function openGate(cells: Int32Array): void {
  Atomics.store(cells, GATE, 1);
  Atomics.notify(cells, GATE);
}
