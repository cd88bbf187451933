// Has Workers wake a loop, as often as each can, and looks whether it hears the last of them:
// flood-wakes.ts <mode> <workers> <wakes>
import { testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn } from "../support-modes.ts";
import { startWorkers } from "../support-system.ts";
import { COUNT, openGate } from "./worker-gate.ts";

const MOST_MS = 15_000;

const mode = modeOf(process.argv[2]);
const [count = 0, wakes = 0] = process.argv.slice(3).map(Number);
const cells = new Int32Array(new SharedArrayBuffer(8));
// Without an end of its own, a wait whose wake was lost goes on for ever.
using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
let calls = 0;
let seen = 0;
const waker = loop.waker(() => {
  calls++;
  seen = Atomics.load(cells, COUNT);
  if (seen === count * wakes) loop.stop();
});
{
  const data = { cells, id: waker.id, wakes, delayMs: 0 };
  await using _workers = await startWorkers(count, "waker.ts", data);
  openGate(cells);
  await runIn(mode, loop, MOST_MS);
}
report({ lost: count * wakes - seen, calls });
