// Terminates a Worker that is blocked in a loop, and measures how long that takes.
import { existsSync, readFileSync } from "node:fs";
import { report } from "../support-child.ts";

const LIMIT_MS = 8000;
/** Far more than a Worker needs from its message to its sleep, where nobody can look at its thread. */
const BLIND_MS = 200;

const worker = new Worker(new URL("blocked.ts", import.meta.url));
let closed = false;
worker.addEventListener("close", () => {
  closed = true;
});
const thread = await new Promise<string>((resolve, reject) => {
  worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
});
const folder = `/proc/self/task/${thread}`;
// It sleeps in the kernel, not on its way there.
const waits = (): boolean => /^State:\s+S/m.test(readFileSync(`${folder}/status`, "utf8"));
await Bun.sleep(20);
if (thread === "") await Bun.sleep(BLIND_MS);
else while (!waits()) await Bun.sleep(1);

// The event comes only once nothing of the Worker runs any more; the thread itself goes after it.
const ended = (): boolean => closed && (thread === "" || !existsSync(folder));
const began = performance.now();
worker.terminate();
while (!ended() && performance.now() - began < LIMIT_MS) await Bun.sleep(1);
report({ endedMs: performance.now() - began, exited: Number(ended()) });
process.exit(0);
