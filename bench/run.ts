// Measures the loop beside its peers, and writes results.json and report.html.
// Usage: npm run bench -- [NAME...] [--quick] [--check] [--compare OLD.json]
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compare, readResults } from "./harness/compare.ts";
import { describeMachine } from "./harness/machine.ts";
import { PEERS, versionOf } from "./harness/peers.ts";
import { regressions } from "./harness/regressions.ts";
import type { Results } from "./harness/results.ts";
import { runWorkload } from "./harness/rounds.ts";
import { summary } from "./harness/summary.ts";
import type { Workload } from "./harness/workload.ts";
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
  const workloads = chosen(positionals);
  // Read before the run, which may write to the same file.
  const old = values.compare === undefined ? undefined : await readResults(values.compare);

  const versions = PEERS.map((peer) => [peer, versionOf(peer)] as const);
  const begun = {
    version: 1,
    date: new Date().toISOString(),
    quick: values.quick,
    machine: describeMachine(
      Object.fromEntries(versions.filter(([, version]) => version !== undefined)) as Record<
        string,
        string
      >,
    ),
  } as const;
  const results: Results = { ...begun, workloads: [] };
  const done = [];
  for (const workload of workloads) {
    const result = await runWorkload(workload, values.quick, (line) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${workload.name}, ${line}`);
    });
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    console.log(summary(result).join("\n"));
    done.push(result);
  }
  const complete: Results = { ...results, workloads: done };
  await writeReport(complete, import.meta.dir);
  console.log(`written: ${join("bench", "report.html")} and ${join("bench", "results.json")}`);
  if (old !== undefined) console.log(compare(old, complete).join("\n"));
  if (!values.check) return;
  const lost = regressions(complete);
  for (const line of lost) console.error(line);
  if (lost.length > 0) process.exitCode = 1;
}

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
