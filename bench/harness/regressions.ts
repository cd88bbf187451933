import type { Results } from "./results.ts";
import { judge } from "./rounds.ts";
import { goalText } from "./summary.ts";
import type { Goal } from "./workload.ts";

/**
 * What holds on any machine, also a slow and busy one, unless the package has become worse: parts of the processor's
 * time and of memory, with room for the noise of a quick run. Never a time.
 */
const STEADY: Readonly<Record<string, readonly Goal[]>> = {
  dispatch: [
    {
      case: "100 ready",
      figure: "CPU per event",
      of: "bun-ioloop",
      to: "bare wait, with drains",
      most: 2,
    },
    { case: "without garbage collection", figure: "memory per event", of: "bun-ioloop", most: 1 },
  ],
  echo: [
    {
      case: "64 connections, 64 B",
      figure: "user CPU per message",
      of: "bun-ioloop",
      to: "Node",
      most: 0.5,
    },
    {
      case: "64 connections, 64 B",
      figure: "CPU per message",
      of: "bun-ioloop",
      to: "Node",
      most: 0.9,
    },
  ],
  timers: [
    {
      case: "a million, due within a second",
      figure: "memory for one",
      of: "bun-ioloop",
      most: 100,
    },
    {
      case: "a million, due within a second",
      figure: "CPU to add one and fire it",
      of: "bun-ioloop",
      to: "Bun",
      most: 0.4,
    },
  ],
};

/** What a run shows to have become worse than it may, a line each. */
export function regressions({ workloads }: Results): readonly string[] {
  return workloads.flatMap(({ name, measures }) =>
    (STEADY[name] ?? [])
      .flatMap((goal) => judge(goal, measures))
      .filter(({ met }) => !met)
      .map((outcome) => `worse than it may be: ${name}, ${goalText(outcome)}`),
  );
}
