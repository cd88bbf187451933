// Ends while Workers run loops: worker-end-main.ts <exit | return> <mode> <delayMs>
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import * as io from "../../src/io.ts";
import { testLoop } from "../support.ts";
import { modeOf, runIn } from "../support-modes.ts";
import type { LoopData } from "./worker-end-loop.ts";

const [, , how, mode = "", delayMs] = process.argv;
const quiet = [io.pipe()[0]];
const file = new URL("worker-end-loop.ts", import.meta.url);
const workers = Array.from({ length: 3 }, (_, index) => {
  const ready = index % 2 === 0 ? io.socketpair() : [];
  const workerData: LoopData = { mode, end: "terminate", quiet, ready };
  return new Worker(file, { workerData });
});
await Promise.all(workers.map((worker) => once(worker, "message")));
const loop = testLoop();
loop.callLater(Number(delayMs), () => {
  if (how === "exit") process.exit(7);
  loop.stop();
});
await runIn(modeOf(mode), loop);
process.exitCode = 7;
for (const worker of workers) worker.unref();
