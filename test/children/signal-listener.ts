// A Worker of signal-worker.ts and signal-worker-gone.ts: listens for SIGUSR2 in a loop of its own.
import { parentPort, workerData } from "node:worker_threads";
import { ignore, testLoop } from "../support.ts";
import { runIn } from "../support-modes.ts";
import { COUNT } from "./worker-gate.ts";

const { cells, mode, how } = workerData;
const loop = testLoop({ onError: ignore });
loop.addSignalHandler("SIGUSR2", () => Atomics.add(cells, COUNT, 1));
loop.addCallback(() => {
  parentPort?.postMessage("ready");
  parentPort?.unref();
  // Inside the run, with the handler still there.
  if (how === "exit") process.exit(0);
  if (how === "throw" || how === "end") loop.stop();
});
// With "terminate" nothing else ends it.
if (how === undefined || how === "terminate") loop.setInterval(20_000, ignore);
await runIn(mode, loop, 60_000);
if (how === "throw") throw new Error("thrown in the Worker");
