// A Worker whose loop has something of every kind, and that never closes it: see worker-ends.test.ts.
import { parentPort, workerData } from "node:worker_threads";
import { READ, WRITE } from "../../src/index.ts";
import { ignore, testLoop } from "../support.ts";
import { modeOf, runIn } from "../support-modes.ts";

/** How it ends: by itself in one of three ways, or because the main thread ends it. */
export type End = "terminate" | "return" | "exit" | "throw";

export interface LoopData {
  readonly mode: string;
  readonly end: End;
  /** Of the main thread, which closes them: quiet ones, and ones that are always ready. */
  readonly quiet: readonly number[];
  readonly ready: readonly number[];
}

const { mode, end, quiet, ready } = workerData as LoopData;
const loop = testLoop();
for (const fd of quiet) loop.addHandler(fd, READ, ignore);
for (const fd of ready) loop.addHandler(fd, WRITE, ignore);
loop.setInterval(1, ignore);
loop.callLater(60_000, ignore);
loop.addSignalHandler("SIGUSR2", ignore);
loop.addChildHandler(process.pid, ignore);
// For another loop to watch: an fd of its own.
if (loop.fd < 0) throw new Error("no fd");
const waker = loop.waker(ignore);
if (parentPort !== null) loop.addPort(parentPort, ignore);
const again = (): void => {
  loop.addCallback(again);
};
if (ready.length > 0) again();

loop.addCallback(() => {
  parentPort?.postMessage(waker.id);
  if (end === "exit") process.exit(0);
  if (end !== "terminate") loop.stop();
});
await runIn(modeOf(mode), loop, 60_000);
if (end === "throw") throw new Error("thrown in the Worker");
