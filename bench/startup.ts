// What the built package adds to the start of a program, step by step: its import, then the first loop.
// Each figure is the median of the differences to an empty file that ran just before.
import { join } from "node:path";

const RUNS = 20;
/** The first runs fill the caches of the system. */
const WARM_UP_RUNS = 3;
const ADDED_MOST_MS = 8;

const STEPS = [
  { file: "import.ts", what: "with the import" },
  { file: "loop.ts", what: "and the first loop" },
] as const;

function run(file: string): number {
  const began = performance.now();
  const { exitCode } = Bun.spawnSync([process.execPath, join(import.meta.dir, "startup", file)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const elapsed = performance.now() - began;
  if (exitCode !== 0) throw new Error(`${file} ended with ${exitCode}`);
  return elapsed;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

function line(what: string, totalMs: number, addedMs?: number): string {
  const added = addedMs === undefined ? "" : `, ${addedMs.toFixed(2)} ms added`;
  return `${what.padEnd(20)}${totalMs.toFixed(2).padStart(6)} ms${added}`;
}

const empty: number[] = [];
const steps = STEPS.map(({ file, what }) => ({
  file,
  what,
  total: [] as number[],
  added: [] as number[],
}));
for (let round = -WARM_UP_RUNS; round < RUNS; round++) {
  for (const { file, total, added } of steps) {
    const baseline = run("empty.ts");
    const elapsed = run(file);
    if (round < 0) continue;
    empty.push(baseline);
    total.push(elapsed);
    added.push(elapsed - baseline);
  }
}

console.log(`medians of ${RUNS} runs`);
console.log(line("an empty file", median(empty)));
for (const { what, total, added } of steps) console.log(line(what, median(total), median(added)));

const addedMs = median(steps.at(-1)?.added ?? []);
if (addedMs > ADDED_MOST_MS) {
  console.error(`a first loop may add ${ADDED_MOST_MS} ms at most`);
  process.exitCode = 1;
}
