// Ends Workers while their hosted loops sleep, and counts the fds and threads that they leave behind.
import { readdirSync } from "node:fs";
import * as io from "../../src/io.ts";
import { openFds } from "../support.ts";
import { report } from "../support-child.ts";
import { startWorkers } from "../support-system.ts";

const TOGETHER = 4;
const ROUNDS = 5;
const SETTLE_MS = 8000;

// A Worker's own fds would stay: it has no clean-up.
const [reader, writer] = io.pipe();

function threads(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/task").length : 0;
}

async function startAndEnd(): Promise<void> {
  const workerData = { rounds: 0, reader, writer };
  await using workers = await startWorkers(TOGETHER, "hosted-worker.ts", workerData);
  if (workers.all.length !== TOGETHER) throw new Error("too few Workers");
  await Bun.sleep(20);
}

/** What is open once a Worker's thread is gone, which comes after its end is told. */
async function settled(fds: number, threadCount: number): Promise<[number, number]> {
  const limit = performance.now() + SETTLE_MS;
  for (;;) {
    const left: [number, number] = [openFds() - fds, threads() - threadCount];
    if (left.every((count) => count <= 0) || performance.now() > limit) return left;
    await Bun.sleep(10);
  }
}

await startAndEnd();
// Whatever the threads of the first Workers still have is gone by then.
await Bun.sleep(1000);
const before = [openFds(), threads()] as const;
for (let round = 0; round < ROUNDS; round++) await startAndEnd();
const [fdsLeft, threadsLeft] = await settled(...before);
report({ fdsLeft: Math.max(fdsLeft, 0), threadsLeft: Math.max(threadsLeft, 0) });
process.exit(0);
