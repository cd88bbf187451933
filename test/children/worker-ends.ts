// Starts and ends Workers with loops by the batch, and counts what is left: worker-ends.ts <end> <mode> <count>
import { readdirSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { READ, wake } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { drain, ignore, openFds, testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { MODES } from "../support-modes.ts";
import { pseudoRandom } from "../support-random.ts";
import type { End, LoopData } from "./worker-end-loop.ts";

const BATCH = 10;
/** What a thread does at its end comes after its Worker's: far more than that takes. */
const LIMIT_MS = 4000;
/** No batch begins after this, so that a slow machine has done with fewer Workers. */
const ENOUGH_MS = 8000;
const [, , end = "", mode = "", count = ""] = process.argv;
const random = pseudoRandom(Number(count));
const file = new URL("worker-end-loop.ts", import.meta.url);

const quiet = io.pipe();
const ready = io.socketpair();
const ids: number[] = [];
let exits = 0;
let errors = 0;

/** Resolves once the Worker has ended. */
function runWorker(index: number): Promise<void> {
  const workerData: LoopData = {
    mode: MODES.find((known) => known === mode) ?? MODES[index % MODES.length] ?? "",
    end: end as End,
    quiet: [quiet[0]],
    // Some loops sleep, others never do.
    ready: index % 3 === 0 ? ready : [],
  };
  const worker = new Worker(file, { workerData });
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.on("error", () => errors++);
  worker.on("exit", () => {
    exits++;
    resolve();
  });
  worker.on("message", (id: number) => {
    ids.push(id);
    wake(id);
    if (end === "terminate") setTimeout(terminate, random(15));
  });
  const terminate = (): unknown => worker.terminate();
  // Now and then before it has begun, or while it begins.
  if (end === "terminate" && index % 5 === 0) setTimeout(terminate, random(40));
  return promise;
}

async function runBatch(first: number): Promise<void> {
  await Promise.all(Array.from({ length: BATCH }, (_, index) => runWorker(first + index)));
}

/** Waits until `done()`, as long as it may take; whether it is. */
async function becomes(done: () => boolean): Promise<boolean> {
  for (const limit = Date.now() + LIMIT_MS; !done() && Date.now() < limit; ) await Bun.sleep(1);
  return done();
}

function threads(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/task").length : 0;
}

// The main thread has a loop as well, which hears of every signal that the Workers listen for.
using loop = testLoop();
loop.addHandler(quiet[0], READ, () => drain(quiet[0]));
let heard = 0;
loop.addSignalHandler("SIGUSR2", () => heard++);
const hosted = loop.run();

// Bun keeps what the first Workers needed.
await runBatch(0);
await Bun.sleep(200);
const fdsBefore = openFds();
const threadsBefore = threads();

const disturbing = setInterval(() => {
  process.kill(process.pid, "SIGUSR2");
  for (const id of ids) wake(id);
}, 3);
exits = 0;
errors = 0;
let started = 0;
for (const limit = Date.now() + ENOUGH_MS; started < Number(count) && Date.now() < limit; ) {
  await runBatch(started);
  started += BATCH;
}
clearInterval(disturbing);

const noneWakes = await becomes(() => !ids.some((id) => wake(id)));
const fdsBack = await becomes(() => openFds() <= fdsBefore);
// Bun itself keeps some threads for later.
const threadsBack = await becomes(() => threads() < threadsBefore + BATCH);
loop.stop();
await hosted;
const [heardAny, distinct] = [heard > 0, new Set(ids).size];
for (const fd of [...quiet, ...ready]) io.close(fd);
process.on("SIGUSR2", ignore);
report({
  missing: started - exits,
  errors: errors / started,
  fdsLeft: fdsBack ? 0 : openFds() - fdsBefore,
  threadsLeft: threadsBack ? 0 : threads() - threadsBefore,
  stillWake: noneWakes ? 0 : 1,
  heardAny: Number(heardAny),
  sameIds: ids.length - distinct,
});
process.exit(0);
