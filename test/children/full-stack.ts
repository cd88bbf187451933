// Begins runs on what a recursion has left of the stack, from nothing upwards, and counts how they end.
import { IOLoop } from "../../src/index.ts";
import { report } from "../support-child.ts";

/** Beyond the depth at which a run goes well. */
const LEVELS = 600;
const TURNS = 5;

type Work = (loop: IOLoop) => Promise<number>;

const WORKS: Readonly<Record<string, Work>> = {
  "a settled promise": () => Promise.resolve(1),
  "a sleep": (loop) => loop.sleep(0.1).then(() => 1),
  "a timeout": (loop) => new Promise((resolve) => loop.callLater(0.1, () => resolve(1))),
};

const work = WORKS[process.argv[2] ?? ""] as Work;
const counts = { done: 0, refused: 0, otherwise: 0 };
using loop = new IOLoop();

function attempt(): void {
  try {
    counts.done += loop.runUntil(() => work(loop));
  } catch (error) {
    counts[error instanceof RangeError ? "refused" : "otherwise"]++;
  }
}

let levels = 0;
function descend(): void {
  try {
    descend();
  } catch {
    // This is the bottom: each caller on the way up has a little more.
  }
  if (levels >= LEVELS) return;
  levels++;
  try {
    attempt();
  } catch {
    // Not even the attempt had room.
  }
}

for (let turn = 0; turn < TURNS; turn++) {
  levels = 0;
  descend();
}
loop.callLater(0, () => loop.stop());
loop.start();
report(counts);
