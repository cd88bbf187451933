import fc from "fast-check";
import { numberFromEnvironment, seedNote, seedOfRun } from "./support-seed.ts";

/** A slow machine stops here, and has still tested what it could. */
const LIMIT_MS = 90_000;
/** How long a failing sequence is made smaller. */
const SHRINKING_MS = 60_000;
/** How often a failing sequence is tried again. */
const ATTEMPTS = 20;
/** The part of the sequences that a run must come to, or it has tested nothing worth the name. */
const LEAST_PART = 0.02;
/** How many times as many sequences as usual. */
const FACTOR = numberFromEnvironment("BUN_IOLOOP_RUNS") ?? 1;

/** More than a property takes: what its test gives as its own limit. */
export const PROPERTY_LIMIT_MS = LIMIT_MS * Math.max(FACTOR, 1) + 2 * SHRINKING_MS;

/**
 * Holds `property` against so many random sequences; prints how many there were, with their seed, and returns that.
 *
 *   BUN_IOLOOP_SEED   the seed to use: the same sequences again
 *   BUN_IOLOOP_PATH   beside a seed, one failing sequence alone, as a failure names it
 *   BUN_IOLOOP_RUNS   a factor for their number: 0.1 where everything is slow, 20 for a long hunt
 */
export async function holds(
  name: string,
  property: fc.IRawProperty<unknown>,
  { runs, limitMs = LIMIT_MS }: { readonly runs: number; readonly limitMs?: number },
): Promise<number> {
  const seed = seedOfRun();
  const path = process.env["BUN_IOLOOP_PATH"];
  const numRuns = Math.max(Math.round(runs * FACTOR), 1);
  const found = await fc.check(property, {
    ...{ seed, numRuns, endOnFailure: true, markInterruptAsFailure: false },
    interruptAfterTimeLimit: limitMs * Math.max(FACTOR, 1),
    ...(path !== undefined && { path }),
  });
  if (found.failed) throw await failureOf(name, property, found);

  const enough = path !== undefined || found.numRuns >= numRuns * LEAST_PART;
  if (!enough) throw new Error(tooFew(name, found.numRuns, numRuns));
  const cut = found.interrupted ? ` of ${show(numRuns)}, cut short by the time they took` : "";
  if (path === undefined)
    console.log(`  ${name}: ${show(found.numRuns)} sequences${cut}, ${seedNote(seed)}`);
  else console.log(`  ${name}: the sequence at BUN_IOLOOP_PATH of seed ${seed} does not fail`);
  return found.numRuns;
}

function tooFew(name: string, ran: number, asked: number): string {
  return `${name}: only ${show(ran)} of ${show(asked)} sequences ran in the time that they have`;
}

/** The failing sequence, made as small as it gets, and how to repeat it. */
async function failureOf(
  name: string,
  property: fc.IRawProperty<unknown>,
  found: fc.RunDetails<unknown>,
): Promise<Error> {
  const { seed } = found;
  let shrunk = found;
  // Clocks go on as they like: what depends on them may not fail each time.
  for (let attempt = 0; attempt === 0 || (attempt < ATTEMPTS && !shrunk.failed); attempt++) {
    shrunk = await fc.check(property, {
      ...{ seed, path: found.counterexamplePath ?? "0", markInterruptAsFailure: false },
      interruptAfterTimeLimit: SHRINKING_MS,
    });
  }
  const { counterexample, counterexamplePath, errorInstance } = shrunk.failed ? shrunk : found;
  const cause = errorInstance instanceof Error ? errorInstance.stack : String(errorInstance);
  return new Error(
    `${name}: a sequence failed. BUN_IOLOOP_SEED=${seed} BUN_IOLOOP_PATH=${counterexamplePath} repeats it alone` +
      `${shrunk.failed ? "" : ", perhaps: it did not fail again"}.\n` +
      `${fc.stringify(counterexample)}\n\n${cause}`,
  );
}

function show(count: number): string {
  return count.toLocaleString("en");
}
