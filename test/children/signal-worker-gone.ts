// Ends a Worker that has a handler for SIGUSR2, then raises it: signal-worker-gone.ts <how> <mode>
import { once } from "node:events";
import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { ignore } from "../support.ts";
import { isCaught } from "../support-caught-signals.ts";

/** Where nobody can look at the actions: far more than a thread needs to end. */
const BLIND_MS = 500;
const LIMIT_MS = 8000;

const [, , how, mode] = process.argv;
const cells = new Int32Array(new SharedArrayBuffer(8));
const file = new URL("signal-listener.ts", import.meta.url);
const worker = new Worker(file, { workerData: { cells, mode, how } });
worker.on("error", ignore);
const exited = once(worker, "exit").catch(ignore);
await once(worker, "message");
if (how === "terminate") worker.terminate();
await exited;
// The thread itself goes after its Worker.
if (process.platform !== "linux") await Bun.sleep(BLIND_MS);
else {
  const end = Date.now() + LIMIT_MS;
  while (isCaught("SIGUSR2") && Date.now() < end) await Bun.sleep(1);
}
writeSync(1, "gone\n");
process.kill(process.pid, "SIGUSR2");
// Where the signal is not lethal this is found out by its code.
process.exit(0);
