// A Worker of signal-turns.ts: sends its own process SIGUSR2 so many times, with a moment between any two.
import { parentPort, workerData } from "node:worker_threads";

const pause = new Int32Array(new SharedArrayBuffer(4));
parentPort?.postMessage("ready");
for (let count = 0; count < (workerData as number); count++) {
  process.kill(process.pid, "SIGUSR2");
  Atomics.wait(pause, 0, 0, (count % 10) / 10);
}
parentPort?.postMessage("done");
