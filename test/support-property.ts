import fc from "fast-check";

/** A slow machine stops here, and has still tested what it could. */
const LIMIT_MS = 30_000;
/** How long a failing case is made smaller. */
const SHRINKING_MS = 60_000;

/** More than both together: what a test of a property gives as its own limit. */
export const PROPERTY_LIMIT_MS = 120_000;

export interface PropertyRun {
  /** How many cases there are, if BUN_IOLOOP_RUNS, a factor, says nothing else. */
  readonly runs: number;
  readonly limitMs?: number;
}

/**
 * Holds `property` against random cases and prints their number and seed in one line; returns the number. With
 * BUN_IOLOOP_SEED the cases are those of that seed, with BUN_IOLOOP_PATH beside it one failure comes alone.
 */
export async function holds(
  name: string,
  property: fc.IRawProperty<unknown>,
  { runs, limitMs = LIMIT_MS }: PropertyRun,
): Promise<number> {
  const seed = fromEnvironment("BUN_IOLOOP_SEED") ?? Math.floor(Math.random() * 0x7fffffff);
  const path = process.env["BUN_IOLOOP_PATH"];
  const numRuns = Math.max(Math.round(runs * (fromEnvironment("BUN_IOLOOP_RUNS") ?? 1)), 1);
  const found = await fc.check(property, {
    seed,
    numRuns,
    ...(path !== undefined && { path }),
    endOnFailure: true,
    interruptAfterTimeLimit: limitMs,
    markInterruptAsFailure: false,
  });
  if (found.failed) await fail(name, property, found);

  const done = found.numRuns.toLocaleString("en");
  const cut = found.interrupted ? ` of ${numRuns.toLocaleString("en")} within ${limitMs} ms` : "";
  console.log(
    `  ${name}: ${done} sequences${cut}, seed ${seed} (BUN_IOLOOP_SEED=${seed} repeats them)`,
  );
  return found.numRuns;
}

/** Makes the failing case as small as it gets, and throws what is left, with the way to repeat it. */
async function fail(
  name: string,
  property: fc.IRawProperty<unknown>,
  { seed, counterexamplePath }: fc.RunDetails<unknown>,
): Promise<never> {
  const report = await fc.check(property, {
    seed,
    path: counterexamplePath ?? "0",
    interruptAfterTimeLimit: SHRINKING_MS,
    includeErrorInReport: true,
  });
  const smallest = report.failed ? report : { ...report, counterexamplePath };
  throw new Error(
    [
      `${name}: a sequence failed. BUN_IOLOOP_SEED=${seed} BUN_IOLOOP_PATH=${smallest.counterexamplePath} repeats it alone:`,
      fc.stringify(report.counterexample),
      report.failed
        ? ""
        : "(when repeated it did not fail: something outside the sequence matters)",
      String(report.errorInstance instanceof Error ? report.errorInstance.stack : ""),
    ].join("\n"),
  );
}

function fromEnvironment(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new RangeError(`${name} must be a number, not ${text}`);
  return value;
}
