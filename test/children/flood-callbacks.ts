// Runs millions of callbacks beside an fd that is always ready:
// flood-callbacks.ts <mode> <callbacks> <at once> <"bulk" or "chain">
import { heapStats } from "bun:jsc";
import { type IOLoop, READ } from "../../src/index.ts";
import { Fds, poke, testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn } from "../support-modes.ts";

const MOST_MS = 15_000;

const mode = modeOf(process.argv[2]);
const [count = 0, width = 0] = process.argv.slice(3).map(Number);
let ran = 0;
let misplaced = 0;
let served = 0;
let most = 0;
let seen = 0;
let ticks = 0;

function heap(): number {
  Bun.gc(true);
  return heapStats().heapSize;
}

/** Each callback adds the next of its chain, `width` chains beside each other. */
function chain(loop: IOLoop): void {
  const next = (place: number): void => {
    if (place !== ran % width) misplaced++;
    if (++ran <= count - width) loop.addCallback(next, place);
  };
  for (let place = 0; place < width; place++) loop.addCallback(next, place);
}

/** `width` callbacks are queued at once, and again after the last of them. */
function bulk(loop: IOLoop): void {
  const next = (place: number): void => {
    if (place !== ran) misplaced++;
    if (++ran % width === 0 && ran < count) queue();
  };
  const queue = (): void => {
    for (let place = ran; place < ran + width; place++) loop.addCallback(next, place);
  };
  queue();
}

using loop = testLoop();
using fds = new Fds();
const [reader, writer] = fds.pipe();
poke(writer);
loop.addHandler(reader, READ, () => {
  served++;
  most = Math.max(most, ran - seen);
  seen = ran;
  if (ran === count) loop.stop();
});
const ticking = setInterval(() => ticks++, 1);
const before = heap();
if (process.argv[5] === "bulk") bulk(loop);
else chain(loop);
await runIn(mode, loop, MOST_MS);
clearInterval(ticking);
// What has run is let go of by the next pass.
loop.removeHandler(reader);
loop.runOnce(0);
report({ ran, misplaced, served, most, ticks, heldBytes: heap() - before });
