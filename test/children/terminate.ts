// Terminates a Worker that is blocked in a loop, and measures how long that takes.
import { readdirSync, readFileSync } from "node:fs";
import { report } from "../support-child.ts";

const LIMIT_MS = 8000;

const threads = (): Set<string> => new Set(readdirSync("/proc/self/task"));
const worker = new Worker(new URL("blocked.ts", import.meta.url));
const thread = await new Promise<string>((resolve, reject) => {
  worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
});
// It sleeps in the kernel, not on its way there.
const waits = (): boolean =>
  /^State:\s+S/m.test(readFileSync(`/proc/self/task/${thread}/status`, "utf8"));
await Bun.sleep(20);
while (!waits()) await Bun.sleep(1);

const began = performance.now();
worker.terminate();
while (threads().has(thread) && performance.now() - began < LIMIT_MS) await Bun.sleep(1);
report({ endedMs: performance.now() - began, exited: Number(!threads().has(thread)) });
process.exit(0);
