// Closes loops and opens others while Workers wake them, also by the numbers of those that are gone.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { openFds, testLoop } from "../support.ts";
import { report } from "../support-child.ts";

const WORKERS = 4;
const ROUNDS = 200;
/** How many ids the Workers know; in turn, so that most are of closed loops. */
const IDS = 8;

const ids = new Float64Array(new SharedArrayBuffer(IDS * Float64Array.BYTES_PER_ELEMENT));
const file = new URL("waker-forever.ts", import.meta.url);
const workers = Array.from({ length: WORKERS }, () => new Worker(file, { workerData: ids }));
await Promise.all(workers.map((worker) => once(worker, "message")));

const before = openFds();
let rounds = 0;
let strangers = 0;
for (; rounds < ROUNDS; rounds++) {
  const loop = testLoop();
  let calls = 0;
  const waker = loop.waker(() => {
    // A call each for two waits; every second round the callback itself closes.
    if (++calls === 2 && rounds % 2 === 0) loop.close();
  });
  ids[rounds % IDS] = waker.id;
  loop.callLater(4000, () => loop.close());
  while (calls < 2) loop.runOnce(100);
  if (rounds % 2 === 1) loop.close();
  if (waker.wake()) strangers++;
}
const left = openFds() - before;
await Promise.all(workers.map((worker) => worker.terminate()));
report({ rounds, strangers, left });
