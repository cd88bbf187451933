import type { Results } from "./harness/results.ts";
import { judge } from "./harness/rounds.ts";
import { goalText } from "./harness/summary.ts";
import { contestantName, type Goal, OURS, type Workload } from "./harness/workload.ts";
import * as dispatch from "./workloads/dispatch.ts";
import * as echo from "./workloads/echo.ts";
import * as timers from "./workloads/timers.ts";

/**
 * What holds on any machine, also a slow and busy one, unless the package has become worse: ratios of processor time,
 * and memory, with room for the noise of a quick run. Never a time.
 */
const STEADY: Readonly<Record<string, readonly Goal[]>> = {
  dispatch: [
    {
      case: dispatch.READY_CASE,
      figure: "CPU per event",
      of: OURS,
      to: "bare wait, with drains",
      most: 1.8,
    },
    { case: dispatch.MEMORY_CASE, figure: "memory per event", of: OURS, most: 1 },
  ],
  echo: [
    { case: echo.MAIN_CASE, figure: "user CPU per message", of: OURS, to: "Node", most: 0.5 },
    { case: echo.MAIN_CASE, figure: "CPU per message", of: OURS, to: "Node", most: 0.9 },
  ],
  timers: [
    { case: timers.MEMORY_CASE, figure: "memory for one", of: OURS, most: 100 },
    {
      case: timers.FIRE_CASE,
      figure: "CPU to add one and fire it",
      of: OURS,
      to: "Bun",
      most: 0.6,
    },
  ],
};

/** Of a workload, what a check for regressions needs: these cases and peers alone. */
export function steadyPart(workload: Workload): Workload {
  const goals = STEADY[workload.name] ?? [];
  const cases = workload.cases.flatMap((one) => {
    const here = goals.filter((goal) => goal.case === one.name);
    const names = here.flatMap(({ of, to }) => [of, to]);
    const contestants = one.contestants.filter((each) => names.includes(contestantName(each)));
    return contestants.length === 0 ? [] : [{ ...one, contestants }];
  });
  return { name: workload.name, what: workload.what, cases };
}

/** What a run of the steady parts shows to have become worse than it may, or has not measured; a line each. */
export function regressions({ workloads }: Results): readonly string[] {
  return Object.entries(STEADY).flatMap(([name, goals]) => {
    const measures = workloads.find((workload) => workload.name === name)?.measures ?? [];
    return goals.flatMap((goal) => {
      const [outcome] = judge(goal, measures);
      if (outcome === undefined) return [`not measured: ${name}, ${goal.case}, ${goal.figure}`];
      return outcome.met ? [] : [`worse than it may be: ${name}, ${goalText(outcome)}`];
    });
  });
}
