// Churns everything that a loop has for minutes, checks that nothing is lost on the way, and fails on growth.
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { hasGrown } from "./support-soak.ts";
import { CHURNS, runSoak } from "./support-soak-laps.ts";
import { progressLine, reportLines } from "./support-soak-report.ts";

const SECONDS = 300;
const SECONDS_MOST = 3600;
const PROGRESS_EVERY_MS = 10_000;
/** More than anything here takes, and than the waits that end in a message of their own. */
const HANGS_MS = 90_000;
const names = CHURNS.map((make) => make().name);

const HELP = `usage: bun test/soak.ts [options]

Churns connections, timers, Workers, signals and more, and prints memory, fds and threads at the start, once all is
warm, and at the end. Ends with 1 where something has grown, or anything was lost.

  --seconds N    how long, 1 to ${SECONDS_MOST}; ${SECONDS} by default. From 20 on memory is judged as well.
  --only NAMES   these alone, separated by commas:
                 ${names.join(",")}
  --seed N       repeats the choices of an earlier run, as far as the machine does
  --help         this text`;

function refuse(message: string): never {
  console.error(`soak: ${message}\n\n${HELP}`);
  process.exit(2);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        seconds: { type: "string" },
        only: { type: "string" },
        seed: { type: "string" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most)
    return value;
  return refuse(`--${name} must be a whole number from ${least} to ${most}, not ${text}`);
}

const given = readOptions();
if (given.help === true) {
  console.log(HELP);
  process.exit(0);
}
const seconds = wholeNumber("seconds", given.seconds ?? String(SECONDS), 1, SECONDS_MOST);
const seed = wholeNumber("seed", given.seed ?? String(Date.now() % 1e6), 0, 2 ** 32 - 1);
const only = given.only?.split(",").map((name) => name.trim());
for (const name of only ?? []) {
  if (!names.includes(name)) refuse(`--only knows no "${name}": it knows ${names.join(", ")}`);
}

const moves = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const watchdog = new Worker(new URL("children/soak-watchdog.ts", import.meta.url), {
  workerData: { moves, limitMs: HANGS_MS },
});
watchdog.unref();

console.log(`soaking for ${seconds} s (seed ${seed}): ${(only ?? names).join(", ")}`);
let shown = 0;
try {
  const outcome = await runSoak({
    seconds,
    seed,
    only,
    print: (line) => console.error(line),
    lapped: (progress) => {
      if (progress.elapsedMs - shown < PROGRESS_EVERY_MS) return;
      shown = progress.elapsedMs;
      console.log(progressLine(progress));
    },
    moved: () => Atomics.add(moves, 0, 1),
  });
  for (const line of reportLines(outcome, seconds)) console.log(line);
  process.exitCode = outcome.losses > 0 || outcome.findings.some(hasGrown) ? 1 : 0;
} catch (error) {
  // What hangs would keep the process, so that it ends here.
  console.error(`soak: FAILED: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
