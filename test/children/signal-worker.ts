// Raises signals for a Worker's loop, and for a handler or listener of its own: signal-worker.ts <who> <mode>
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn } from "../support-modes.ts";
import { COUNT } from "./worker-gate.ts";

const [, , who, modeName] = process.argv;
const mode = modeOf(modeName);
const cells = new Int32Array(new SharedArrayBuffer(8));
let inMain = 0;
if (who === "listener before") process.on("SIGUSR2", () => inMain++);
const file = new URL("signal-listener.ts", import.meta.url);
const worker = new Worker(file, { workerData: { cells, mode } });
await once(worker, "message");

using loop = testLoop();
if (who === "both") loop.addSignalHandler("SIGUSR2", () => inMain++);
if (who === "listener after") process.on("SIGUSR2", () => inMain++);
for (const delayMs of [1, 2, 3]) {
  loop.callLater(delayMs, () => process.kill(process.pid, "SIGUSR2"));
}
const wanted = who === "worker" ? 0 : 3;
loop.setInterval(5, () => {
  if (inMain >= wanted && Atomics.load(cells, COUNT) >= 3) loop.stop();
});
await runIn(mode, loop);
// Calls too many would come soon.
await Bun.sleep(50);
await worker.terminate();
report({ inMain, inWorker: Atomics.load(cells, COUNT) });
process.exit(0);
