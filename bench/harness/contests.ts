import { isFloor } from "./peers.ts";
import type { Measure, Ratio, Results, Workload } from "./results.ts";

/** How ours stands to a peer: "even" where the spread of their ratio holds 1. */
export type Verdict = "better" | "worse" | "even";

/** The ratios of one of our ways to somebody else. */
export function ratiosToPeers({ figures, ratios }: Measure): readonly Ratio[] {
  const ours = new Set(figures.filter((figure) => figure.ours).map((figure) => figure.peer));
  return ratios.filter(({ of, to }) => ours.has(of) && !ours.has(to));
}

export function verdictOf({ low, high }: Ratio, { better }: Measure): Verdict {
  if (low <= 1 && high >= 1) return "even";
  return high < 1 === (better === "lower") ? "better" : "worse";
}

/** Another loop is better there, beyond the spread. */
export interface Loss {
  readonly workload: Workload;
  readonly measure: Measure;
  readonly ratio: Ratio;
}

/** The largest first. */
export function lossesIn({ workloads }: Results): readonly Loss[] {
  const losses: Loss[] = [];
  for (const workload of workloads) {
    for (const measure of workload.measures) {
      for (const ratio of ratiosToPeers(measure)) {
        if (isFloor(ratio.to) || verdictOf(ratio, measure) !== "worse") continue;
        losses.push({ workload, measure, ratio });
      }
    }
  }
  const size = ({ ratio }: Loss) => Math.abs(Math.log(ratio.median));
  return losses.sort((one, other) => size(other) - size(one));
}
