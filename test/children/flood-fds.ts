// Watches as many socket pairs as are asked for, or as there may be, twice: flood-fds.ts <pairs>
import { IOLoop, IOLoopError, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { openFds } from "../support.ts";
import { report } from "../support-child.ts";
import { fdLimit } from "../support-libc.ts";
import { pseudoRandom } from "../support-random.ts";

const SPARE_FDS = 100;
const POKES = 3000;
const FEW = 10;
const BATCHES = 20;
const BATCH = 500;

const byte = new Uint8Array(1);
const buffer = new Uint8Array(64);
const random = pseudoRandom(15);
const wanted = Math.min(Number(process.argv[2]), Math.floor((fdLimit() - SPARE_FDS) / 2));

let highest = 0;
let wrong = 0;
let afterRemoval = 0;
let growth = 0;

function openPairs(count: number): [number, number][] {
  const pairs: [number, number][] = [];
  try {
    while (pairs.length < count) pairs.push(io.socketpair());
  } catch (error) {
    if (!(error instanceof IOLoopError)) throw error;
    // The system's own limit, below the process's.
    for (const fd of pairs.splice(-SPARE_FDS / 2).flat()) io.close(fd);
  }
  return pairs;
}

/** Nanoseconds for an event: the best of many batches, which little disturbs. */
function eventNs(loop: IOLoop): number {
  let best = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < BATCHES; batch++) {
    const began = performance.now();
    for (let pass = 0; pass < BATCH; pass++) loop.runOnce(0);
    best = Math.min(best, performance.now() - began);
  }
  return (best / BATCH) * 1e6;
}

function round(): number {
  using loop = new IOLoop();
  const pairs = openPairs(wanted);
  let called = -1;
  let calls = 0;
  const watch = ([fd]: [number, number], index: number): void => {
    loop.addHandler(fd, READ, () => {
      called = index;
      calls++;
    });
  };
  const [[hot, hotPeer] = [-1, -1]] = pairs;
  pairs.slice(0, FEW).forEach(watch);
  // Nobody reads, so it is ready at every pass.
  io.write(hotPeer, byte);
  const beside = eventNs(loop);
  pairs.slice(FEW).forEach((pair, index) => {
    watch(pair, FEW + index);
  });
  growth = eventNs(loop) / beside;
  io.read(hot, buffer);

  for (let poke = 0; poke < POKES; poke++) {
    // The highest of all is among them.
    const chosen = poke === 0 ? pairs.length - 1 : random(pairs.length);
    const [fd, peer] = pairs[chosen] ?? [-1, -1];
    highest = Math.max(highest, fd);
    io.write(peer, byte);
    calls = 0;
    if (loop.runOnce(0) !== 1 || calls !== 1 || called !== chosen) wrong++;
    io.read(fd, buffer);
  }

  for (const [, peer] of pairs) io.write(peer, byte);
  for (const [fd] of pairs) if (!loop.removeHandler(fd)) wrong++;
  afterRemoval += loop.runOnce(0);
  for (const fd of pairs.flat()) io.close(fd);
  return pairs.length;
}

const fdsBefore = openFds();
const pairs = round();
Bun.gc(true);
const { rss } = process.memoryUsage();
wrong += Number(round() !== pairs);
Bun.gc(true);
const grownBytes = process.memoryUsage().rss - rss;
report({ pairs, highest, wrong, afterRemoval, growth, left: openFds() - fdsBefore, grownBytes });
