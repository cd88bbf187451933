import type { Results } from "./results.ts";
import { judge } from "./rounds.ts";
import { goalText } from "./summary.ts";
import { contestantName, type Goal, type Workload } from "./workload.ts";

const OURS = "bun-ioloop";
const READY = "100 ready";
const ECHO = "64 connections, 64 B";
const TIMERS = "a million, due within a second";

/**
 * What holds on any machine, also a slow and busy one, unless the package has become worse: ratios of processor time,
 * and memory, with room for the noise of a quick run. Never a time.
 */
const STEADY: Readonly<Record<string, readonly Goal[]>> = {
  dispatch: [
    { case: READY, figure: "CPU per event", of: OURS, to: "bare wait, with drains", most: 1.8 },
    { case: "without garbage collection", figure: "memory per event", of: OURS, most: 1 },
  ],
  echo: [
    { case: ECHO, figure: "user CPU per message", of: OURS, to: "Node", most: 0.5 },
    { case: ECHO, figure: "CPU per message", of: OURS, to: "Node", most: 0.9 },
  ],
  timers: [
    { case: TIMERS, figure: "memory for one", of: OURS, most: 100 },
    { case: TIMERS, figure: "CPU to add one and fire it", of: OURS, to: "Bun", most: 0.4 },
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

/** What a run shows to have become worse than it may, a line each. Fails where it was not measured. */
export function regressions({ workloads }: Results): readonly string[] {
  return workloads.flatMap(({ name, measures }) =>
    (STEADY[name] ?? []).flatMap((goal) => {
      const [outcome] = judge(goal, measures);
      if (outcome === undefined) return [`not measured: ${name}, ${goal.case}, ${goal.figure}`];
      return outcome.met ? [] : [`worse than it may be: ${name}, ${goalText(outcome)}`];
    }),
  );
}
