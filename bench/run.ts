// Measures the loop beside its peers, and writes results.json and report.html.
// Usage: npm run bench -- [NAME...] [--quick] [--compare OLD.json]
//        npm run bench -- --check     measures what does not depend on the machine, and fails where it has become worse
import { parseArgs } from "node:util";
import { compare, readResults } from "./harness/compare.ts";
import { describeMachine } from "./harness/machine.ts";
import type { Results } from "./harness/results.ts";
import { runWorkload } from "./harness/rounds.ts";
import { summary } from "./harness/summary.ts";
import type { Workload } from "./harness/workload.ts";
import { regressions, steadyPart } from "./regressions.ts";
import { writeReport } from "./report/write.ts";
import { callbacksWorkload } from "./workloads/callbacks.ts";
import { chain } from "./workloads/chain.ts";
import { dispatch } from "./workloads/dispatch.ts";
import { echo } from "./workloads/echo.ts";
import { hosted } from "./workloads/hosted.ts";
import { idle } from "./workloads/idle.ts";
import { latency } from "./workloads/latency.ts";
import { lateness } from "./workloads/lateness.ts";
import { startup } from "./workloads/startup.ts";
import { timersWorkload } from "./workloads/timers.ts";

const WORKLOADS: readonly Workload[] = [
  dispatch,
  chain,
  echo,
  latency,
  timersWorkload,
  callbacksWorkload,
  lateness,
  hosted,
  idle,
  startup,
];

function chosen(names: readonly string[]): readonly Workload[] {
  const known = WORKLOADS.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`there is no workload "${unknown.join('", "')}", but ${known.join(", ")}`);
  }
  return names.length === 0 ? WORKLOADS : WORKLOADS.filter(({ name }) => names.includes(name));
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      compare: { type: "string" },
    },
  });
  if (process.platform !== "linux") {
    throw new Error("the benchmarks read Linux's accounting of processes, and run on Linux alone");
  }
  if (values.check && (positionals.length > 0 || values.compare !== undefined)) {
    throw new Error("--check chooses its own workloads, and compares nothing");
  }
  const workloads = chosen(positionals);
  // Read before the run, which may write to the same file.
  const old = values.compare === undefined ? undefined : await readResults(values.compare);

  if (values.check) {
    const worse = regressions(await measure(workloads.map(steadyPart), true));
    for (const line of worse) console.error(line);
    if (worse.length > 0) process.exitCode = 1;
    return;
  }
  // After each workload, for the next may fail.
  const write = (results: Results) => writeReport(results, import.meta.dir);
  const results = await measure(workloads, values.quick, write);
  console.log("written: bench/report.html and bench/results.json");
  if (old !== undefined) console.log(compare(old, results).join("\n"));
}

async function measure(
  workloads: readonly Workload[],
  quick: boolean,
  measured?: (soFar: Results) => Promise<void>,
): Promise<Results> {
  const begun = {
    version: 1,
    date: new Date().toISOString(),
    quick,
    machine: describeMachine(),
  } as const;
  let results: Results = { ...begun, workloads: [] };
  for (const workload of workloads) {
    if (workload.cases.length === 0) continue;
    const result = await runWorkload(workload, quick, (line) =>
      progress(`${workload.name}, ${line}`),
    );
    progress("");
    console.log(summary(result).join("\n"));
    results = { ...results, workloads: [...results.workloads, result] };
    await measured?.(results);
  }
  return results;
}

/** What goes on now, in the last line of a terminal. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
