import { isDeepStrictEqual } from "node:util";
import { ratiosToPeers } from "./contests.ts";
import { numberText, valueText } from "./format.ts";
import type { Measure, Results, Spread } from "./results.ts";

/** A change of less than this is none. */
const LEAST_CHANGE = 0.05;

/** What of one run can be held against another run. */
interface Comparable {
  /** Workload, case, measure, and either the peer or that it is a figure of our own. */
  readonly path: readonly string[];
  /** The same whatever the machine. */
  readonly isRatio: boolean;
  readonly measure: Measure;
  readonly spread: Spread;
}

/** Our ratios to the peers; our figures where there is nobody else. */
function comparablesOf({ workloads }: Results): readonly Comparable[] {
  return workloads.flatMap(({ name, measures }) =>
    measures.flatMap((measure) =>
      comparablesOfMeasure(measure, [name, measure.case, measure.name]),
    ),
  );
}

function comparablesOfMeasure(measure: Measure, path: readonly string[]): readonly Comparable[] {
  if (measure.incomparable) return [];
  const ratios = ratiosToPeers(measure);
  if (ratios.length > 0) {
    return ratios.map((ratio) => {
      const name = `${ratio.of} / ${ratio.to}`;
      return { path: [...path, name], isRatio: true, measure, spread: ratio };
    });
  }
  const ours = measure.figures.filter((figure) => figure.ours);
  return ours.map((figure) => {
    return { path: [...path, figure.peer], isRatio: false, measure, spread: figure };
  });
}

const keyOf = (path: readonly string[]): string => JSON.stringify(path);
const textOf = (path: readonly string[]): string => path.join(", ");

type Change = "slower" | "faster" | "none";

function changeOf(old: Spread, fresh: Spread, better: Measure["better"]): Change {
  const overlap = old.low <= fresh.high && fresh.low <= old.high;
  const difference = fresh.median - old.median;
  if (overlap || Math.abs(difference) <= LEAST_CHANGE * Math.abs(old.median)) return "none";
  return difference > 0 === (better === "lower") ? "slower" : "faster";
}

function percentText(old: Spread, fresh: Spread): string {
  if (old.median === 0) return "from nothing";
  const percent = (fresh.median / old.median - 1) * 100;
  return `${numberText(Math.abs(percent))} % ${percent > 0 ? "more" : "less"}`;
}

/** Why the figures of two runs tell nothing of the package alone. */
function differences(old: Results, fresh: Results): string[] {
  const { versions: oldVersions, ...oldMachine } = old.machine;
  const { versions: freshVersions, ...freshMachine } = fresh.machine;
  const lines: string[] = [];
  if (!isDeepStrictEqual(oldMachine, freshMachine)) {
    const texts = [oldMachine, freshMachine].map((one) => Object.values(one).join(", "));
    lines.push(`the machine differs: ${texts.join(" -> ")}`);
  }
  if (old.quick !== fresh.quick) {
    const texts = [old, fresh].map((one) => (one.quick ? "quick" : "full"));
    lines.push(`the length of the run differs: ${texts.join(" -> ")}`);
  }
  const ours = oursIn([old, fresh]);
  for (const peer of new Set([...Object.keys(oldVersions), ...Object.keys(freshVersions)])) {
    const [before = "none", now = "none"] = [oldVersions[peer], freshVersions[peer]];
    // Of our own, it is the versions that are compared.
    if (before !== now && !ours.has(peer)) {
      lines.push(`the version of ${peer} differs: ${before} -> ${now}`);
    }
  }
  return lines;
}

function oursIn(both: readonly Results[]): ReadonlySet<string> {
  const measures = both.flatMap(({ workloads }) => workloads).flatMap(({ measures }) => measures);
  const figures = measures.flatMap((measure) => measure.figures);
  return new Set(figures.filter((figure) => figure.ours).map((figure) => figure.peer));
}

/** The beginnings of a path: its workload, its case, its measure, itself. */
function prefixes(path: readonly string[]): readonly (readonly string[])[] {
  return path.map((_, index) => path.slice(0, index + 1));
}

/** What `these` have and `those` lack; a workload that is lacking is named once. */
function lacking(these: readonly Comparable[], those: readonly Comparable[]): Set<string> {
  const known = new Set(those.flatMap(({ path }) => prefixes(path).map(keyOf)));
  const lacks = these.map(({ path }) => prefixes(path).find((one) => !known.has(keyOf(one))));
  return new Set(lacks.filter((path) => path !== undefined).map(textOf));
}

/** What got slower from one run to the other, then what got faster, and what was not compared. */
export function compare(old: Results, fresh: Results): string[] {
  const notes = differences(old, fresh);
  const alike = notes.length === 0;
  const [before, now] = [comparablesOf(old), comparablesOf(fresh)];
  const freshByPath = new Map(now.map((one) => [keyOf(one.path), one]));
  const lines = { slower: [] as string[], faster: [] as string[], none: [] as string[] };
  for (const { path, isRatio, measure, spread } of before) {
    const then = freshByPath.get(keyOf(path));
    if (then === undefined || isRatio !== then.isRatio || !(isRatio || alike)) continue;
    const change = changeOf(spread, then.spread, measure.better);
    const unit = isRatio ? "" : measure.unit;
    const values = [spread, then.spread].map(({ median }) => valueText(median, unit)).join(" -> ");
    const percent = percentText(spread, then.spread);
    const told = change === "slower" ? `${values}, ${percent}` : percent;
    lines[change].push(`${change}: ${textOf(path)}: ${told}`);
  }
  if (!alike) notes.push("so figures are not compared, only ratios");
  if (lines.slower.length === 0) lines.slower.push("nothing got slower");
  const removed = [...lacking(before, now)].map((text) => `only in the old results: ${text}`);
  const added = [...lacking(now, before)].map((text) => `only in the new results: ${text}`);
  return [...notes, ...lines.slower, ...lines.faster, ...removed, ...added];
}

/** The results in a file; throws where it holds none, or those of another version. */
export async function readResults(path: string): Promise<Results> {
  const value: unknown = await Bun.file(path)
    .json()
    .catch((error: unknown) => {
      throw new Error(`cannot read benchmark results from ${path}: ${error}`, { cause: error });
    });
  if (typeof value !== "object" || value === null || !("version" in value)) {
    throw new Error(`${path} holds no benchmark results`);
  }
  if (value.version !== 1) {
    throw new Error(`${path} holds benchmark results of version ${value.version}, not of 1`);
  }
  if (!isResults(value)) throw new Error(`${path} holds no whole benchmark results`);
  return value;
}

/** Looks at the top level alone: what is below it was written along with it. */
function isResults(value: object): value is Results {
  const { date, quick, machine, workloads } = value as Partial<Record<keyof Results, unknown>>;
  return (
    typeof date === "string" &&
    typeof quick === "boolean" &&
    typeof machine === "object" &&
    machine !== null &&
    Array.isArray(workloads)
  );
}
