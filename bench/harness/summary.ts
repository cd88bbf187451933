import { measureText, numberText, plainText, rangeText } from "./format.ts";
import type { Measure, Outcome, Workload } from "./results.ts";

const NAME_WIDTH = 30;
const FIGURE_WIDTH = 26;

/** A workload's result for a terminal: each peer's median and quartiles, and by what ours is divided by it. */
export function summary(workload: Workload): readonly string[] {
  const { name, missing, measures, goals } = workload;
  const disturbed = disturbanceText(workload);
  return [
    ...measures.flatMap((measure) => [
      `${name}, ${measure.case}: ${measureText(measure)}`,
      ...rows(measure),
    ]),
    ...missing.map(({ peer, why }) => `${name}: ${peer} is missing: ${why}`),
    ...(disturbed === "" ? [] : [`${name}: ${disturbed}`]),
    ...goals.map((goal) => `${name}, ${goalText(goal)}`),
    "",
  ];
}

/** The ratios of the first of our ways; the page has those of all. */
function rows({ figures, ratios }: Measure): readonly string[] {
  const first = ratios[0]?.of;
  return figures.map((figure) => {
    const ratio = ratios.find(({ of, to }) => of === first && to === figure.peer);
    const times = ratio === undefined ? "" : `${numberText(ratio.median)} (${rangeText(ratio)})`;
    const name = `${figure.peer}  `.padEnd(NAME_WIDTH);
    const value = `${numberText(figure.median)} (${rangeText(figure)})  `.padEnd(FIGURE_WIDTH);
    return `  ${name}${value}${times}`.trimEnd();
  });
}

/** Whether other machines were in the way; "" where they were not. */
export function disturbanceText({ disturbed }: Workload): string {
  if (disturbed === undefined) return "";
  return `in ${disturbed.rounds} of ${disturbed.of} rounds the host gave the processors to other machines, also when they were repeated`;
}

export function goalText({ case: name, measure, of, to, bound, limit, got, met }: Outcome): string {
  const what = to === undefined ? of : `${of} / ${to}`;
  const wanted = `at ${bound} ${plainText(limit)}`;
  return `${name}, ${measure}: ${what} ${wanted}: ${numberText(got)}, ${met ? "met" : "MISSED"}`;
}
