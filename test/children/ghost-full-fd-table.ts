// Haunts a loop while the table of fds is full, in the mode that is given, and makes room after a while.
import { closeSync } from "node:fs";
import { READ } from "../../src/index.ts";
import { drain, Fds, poke, testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { fill } from "../support-fd-table.ts";
import { makeGhost, PASSES } from "../support-ghosts.ts";
import { modeOf, runIn } from "../support-modes.ts";

const FULL_PASSES = 50;
const REST_MS = 100;

using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
using fds = new Fds();
const [reader, writer] = fds.pipe();
let sent = 0;
let heard = 0;
loop.addHandler(reader, READ, () => {
  heard += drain(reader).length;
});

/** Calls `step` in each of so many passes, then `then`. */
function during(passes: number, step: () => void, then: () => void): void {
  if (passes === 0) {
    then();
    return;
  }
  step();
  loop.addCallback(() => during(passes - 1, step, then));
}

function send(): void {
  sent++;
  poke(writer);
}

let taken: number[] = [];
let droppedWhileFull = 0;
let passes = 0;

function full(): void {
  droppedWhileFull = loop.metrics().dropped;
  closeSync(taken.pop() ?? -1);
  during(PASSES, send, rest);
}

function rest(): void {
  passes = loop.metrics().iterations;
  loop.callLater(REST_MS, () => {
    passes = loop.metrics().iterations - passes;
    loop.stop();
  });
}

loop.addCallback(() => {
  makeGhost(loop, fds);
  taken = fill();
  during(FULL_PASSES, send, full);
});
await runIn(modeOf(process.argv[2]), loop);

const droppedAfter = loop.metrics().dropped - droppedWhileFull;
for (const fd of taken) closeSync(fd);
report({ missed: sent - heard, seenWhileFull: droppedWhileFull, droppedAfter, restPasses: passes });
