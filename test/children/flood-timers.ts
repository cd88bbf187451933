// Runs timers that are due at once beside an fd that is always ready: flood-timers.ts <mode> <timers>
import { READ } from "../../src/index.ts";
import { Fds, poke, testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn } from "../support-modes.ts";
import { pseudoRandom } from "../support-random.ts";

const SPREAD_MS = 100;
const AHEAD_MS = 100;
/** How many timers add themselves again, and how often each runs. */
const AGAIN = 1000;
const TIMES = 200;
const MOST_MS = 15_000;
/** What is past when it is added counts as due then; when, only the loop knows. */
const PUT_OFF = 0;

const mode = modeOf(process.argv[2]);
const count = Number(process.argv[3]);
const random = pseudoRandom(9);

using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
using fds = new Fds();
const [reader, writer] = fds.pipe();
poke(writer);

/** What the handler of the fd has noticed. */
interface Served {
  /** The longest time between two of its calls. */
  readonly longestMs: number;
  /** The most timers that ran between two of its calls, and the fewest, if any. */
  readonly most: number;
  readonly fewest: number;
}

/** Runs until so many timers have run. */
async function serveUntil(end: number, ran: () => number): Promise<Served> {
  let longestMs = 0;
  let calledAt = loop.time();
  let [seen, most, fewest] = [0, 0, end];
  loop.addHandler(reader, READ, () => {
    const now = loop.time();
    longestMs = Math.max(longestMs, now - calledAt);
    calledAt = now;
    const more = ran() - seen;
    seen += more;
    most = Math.max(most, more);
    if (more > 0) fewest = Math.min(fewest, more);
    if (seen >= end) loop.stop();
  });
  await runIn(mode, loop, MOST_MS);
  loop.removeHandler(reader);
  return { longestMs, most, fewest };
}

/** All are late, each by its own time. */
async function runOverdue() {
  let ran = 0;
  let disordered = 0;
  let lastDue = 0;
  let last = -1;
  const due = new Float64Array(count);
  const run = (index: number): void => {
    ran++;
    const own = due[index] ?? 0;
    if (own === PUT_OFF) return;
    if (own < lastDue || (own === lastDue && index < last)) disordered++;
    lastDue = own;
    last = index;
  };
  for (let index = 0; index < count; index++) {
    const wanted = loop.time() + 1 + random(SPREAD_MS);
    loop.callAt(wanted, run, index);
    due[index] = wanted >= loop.time() ? wanted : PUT_OFF;
  }
  const allDue = loop.time() + 1 + SPREAD_MS;
  while (loop.time() < allDue);
  const served = await serveUntil(count, () => ran);
  return { ...served, ran, disordered };
}

/** All have one deadline, which is to come. */
async function runTogether() {
  const due = loop.time() + AHEAD_MS;
  let ran = 0;
  let early = 0;
  const run = (): void => {
    ran++;
    if (loop.time() < due) early++;
  };
  for (let index = 0; index < count / 10; index++) loop.callAt(due, run);
  const served = await serveUntil(count / 10, () => ran);
  return { ...served, ran, early };
}

/** Each adds itself again, due at once. */
async function runAgain() {
  let ran = 0;
  const run = (): void => {
    if (++ran <= AGAIN * (TIMES - 1)) loop.callLater(0, run);
  };
  for (let index = 0; index < AGAIN; index++) loop.callLater(0, run);
  const served = await serveUntil(AGAIN * TIMES, () => ran);
  return { ...served, ran };
}

const overdue = await runOverdue();
const together = await runTogether();
const again = await runAgain();
report({
  ran: overdue.ran,
  disordered: overdue.disordered,
  fewestOverdue: overdue.fewest,
  overdueMs: overdue.longestMs,
  ranTogether: together.ran,
  fewestTogether: together.fewest,
  early: together.early,
  ranAgain: again.ran,
  mostAgain: again.most,
});
