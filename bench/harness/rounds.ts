import { median, quantile, sum } from "simple-statistics";
import { versionOf, whyMissing } from "./peers.ts";
import type { Output } from "./process.ts";
import type {
  Figure,
  Measure,
  Missing,
  Outcome,
  Ratio,
  Workload as Result,
  Spread,
} from "./results.ts";
import { watchStolenTime } from "./stolen-time.ts";
import {
  type Case,
  contestantName,
  type FigureKind,
  type Goal,
  type Length,
  OURS,
  type Started,
  type Workload,
} from "./workload.ts";

/** The part of the processors that other machines may take from a round. */
const STOLEN_MOST = 0.05;
/** How often a round is measured until then. */
const TRIES = 3;

/** The outputs of one contestant, by round. */
interface Series {
  readonly name: string;
  readonly ours: boolean;
  readonly outputs: readonly Output[];
}

/** Runs a workload: in each round of a case every peer that is on the machine, one after the other. */
export async function runWorkload(
  workload: Workload,
  quick: boolean,
  tell: (line: string) => void,
  watchStolen = watchStolenTime,
): Promise<Result> {
  const length: Length = { quick, pick: (full, short) => (quick ? short : full) };
  const measures: Measure[] = [];
  let disturbed = 0;
  let rounds = 0;
  const missing = new Map<string, Missing>();
  for (const one of workload.without ?? []) missing.set(one.peer, one);
  for (const { contestants, ...rest } of workload.cases) {
    const present = contestants.filter(({ peer }) => {
      if (versionOf(peer) !== undefined) return true;
      missing.set(peer, { peer, why: whyMissing(peer) });
      return false;
    });
    const result = await runCase({ contestants: present, ...rest }, length, tell, watchStolen);
    measures.push(...result.measures);
    disturbed += result.disturbed;
    rounds += result.rounds;
  }
  const goals = (workload.goals ?? []).flatMap((goal) => judge(goal, measures));
  return {
    name: workload.name,
    what: workload.what,
    missing: [...missing.values()],
    measures,
    ...(disturbed === 0 ? {} : { disturbed: { rounds: disturbed, of: rounds } }),
    goals,
  };
}

async function runCase(
  { name, contestants, figures, rounds, starts = [1, 1], against, together = false }: Case,
  length: Length,
  tell: (line: string) => void,
  watchStolen: typeof watchStolenTime,
): Promise<CaseResult> {
  const series = contestants.map((contestant) => ({
    contestant,
    name: contestantName(contestant),
    ours: contestant.peer === OURS,
    outputs: [] as Output[],
  }));
  let disturbed = 0;
  const count = length.pick(...rounds);
  const total = count * length.pick(...starts);
  for (let begun = 0; begun < total; begun += count) {
    await using disposal = new AsyncDisposableStack();
    const started: Started[] = [];
    for (const { contestant, name: who } of series) {
      tell(`${name}: ${who} starts`);
      started.push(disposal.use(await contestant.start(length)));
    }
    for (let round = begun; round < begun + count; round++) {
      tell(`${name}: round ${round + 1} of ${total}`);
      const { outputs, stolen } = await leastDisturbed(watchStolen, async () => {
        if (together) return await Promise.all(started.map((one) => one.measure()));
        // To and fro, so that what slowly changes on the machine favours nobody.
        if (round % 2 === 0) return await inTurn(started);
        return (await inTurn(started.toReversed())).reverse();
      });
      for (const [index, output] of outputs.entries()) series[index]?.outputs.push(output);
      if (stolen > STOLEN_MOST) disturbed++;
    }
  }
  const measures = figures.map((kind) => measureOf(name, kind, series, against));
  return { measures, disturbed, rounds: total };
}

interface CaseResult {
  readonly measures: readonly Measure[];
  readonly rounds: number;
  /** In how many of them other machines were in the way. */
  readonly disturbed: number;
}

async function inTurn(all: readonly Started[]): Promise<Output[]> {
  const outputs: Output[] = [];
  for (const one of all) outputs.push(await one.measure());
  return outputs;
}

/** Repeats a round from which the host has taken processors, and keeps the try from which it took the least. */
async function leastDisturbed(
  watchStolen: typeof watchStolenTime,
  round: () => Promise<Output[]>,
): Promise<{ outputs: Output[]; stolen: number }> {
  let outputs: Output[] = [];
  let stolen = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && stolen > STOLEN_MOST; tries++) {
    const stolenTime = watchStolen();
    const tried = await round();
    const share = stolenTime();
    if (share >= stolen) continue;
    stolen = share;
    outputs = tried;
  }
  return { outputs, stolen };
}

function measureOf(
  caseName: string,
  kind: FigureKind,
  all: readonly Series[],
  against: string | undefined,
): Measure {
  const ours = kind.incomparable ? [] : all.filter((series) => series.ours);
  return {
    case: caseName,
    name: kind.name,
    unit: kind.unit,
    better: kind.better ?? "lower",
    ...(kind.incomparable ? { incomparable: true } : {}),
    figures: all.map((series) => figureOf(kind, series)),
    ratios: ours.flatMap((of) =>
      all
        .filter((to) => !to.ours || (to.name === against && to !== of))
        .map((to) => ratioOf(kind, of, to)),
    ),
  };
}

function figureOf(kind: FigureKind, { name, ours, outputs }: Series): Figure {
  const spread =
    kind.per === undefined
      ? spreadOf(outputs.map(kind.of))
      : pooledSpread(outputs.length, (rounds) => pooled(kind, rounds(outputs)));
  return { peer: name, ours, ...spread };
}

function ratioOf(kind: FigureKind, of: Series, to: Series): Ratio {
  const names = { of: of.name, to: to.name };
  if (kind.per !== undefined) {
    const spread = pooledSpread(of.outputs.length, (rounds) => {
      return pooled(kind, rounds(of.outputs)) / pooled(kind, rounds(to.outputs));
    });
    return { ...names, how: "pooled", ...spread };
  }
  const ratios = of.outputs.map((output, round) => {
    return kind.of(output) / kind.of(to.outputs[round] as Output);
  });
  return { ...names, how: "paired", ...spreadOf(ratios) };
}

/** The rounds as one. */
function pooled({ of, per }: FigureKind, outputs: readonly Output[]): number {
  const weights = outputs.map((output) => per?.(output) ?? 1);
  return (
    sum(outputs.map((output, round) => of(output) * (weights[round] as number))) / sum(weights)
  );
}

type Rounds = (outputs: readonly Output[]) => readonly Output[];

/** Of all rounds as one; the spread is that of all but one of them, each left out in turn (the jackknife). */
function pooledSpread(count: number, pool: (rounds: Rounds) => number): Spread {
  const median = pool((outputs) => outputs);
  if (count === 1) return { values: [median], median, low: median, high: median };
  const values = Array.from({ length: count }, (_, left) => {
    return pool((outputs) => outputs.filter((_output, round) => round !== left));
  });
  // What leaving one out moves, times the number of the others, is what a round moves.
  const error = Math.sqrt(
    ((count - 1) / count) * sum(values.map((value) => (value - median) ** 2)),
  );
  // As far from it as quartiles are, were it normal.
  return { values, median, low: median - 0.674 * error, high: median + 0.674 * error };
}

function spreadOf(values: readonly number[]): Spread {
  const known = [...values];
  return {
    values: known,
    median: median(known),
    low: quantile(known, 0.25),
    high: quantile(known, 0.75),
  };
}

/** Whether a goal was met; nothing where its peer was not measured. */
export function judge(goal: Goal, measures: readonly Measure[]): Outcome[] {
  const measure = measures.find(({ case: name, name: figure }) => {
    return name === goal.case && figure === goal.figure;
  });
  const got =
    goal.to === undefined
      ? measure?.figures.find(({ peer }) => peer === goal.of)?.median
      : measure?.ratios.find(({ of, to }) => of === goal.of && to === goal.to)?.median;
  if (got === undefined) return [];
  const bound = goal.most === undefined ? "least" : "most";
  const limit = goal.most ?? goal.least ?? Number.NaN;
  return [
    {
      case: goal.case,
      measure: goal.figure,
      of: goal.of,
      ...(goal.to === undefined ? {} : { to: goal.to }),
      bound,
      limit,
      got,
      met: bound === "most" ? got <= limit : got >= limit,
    },
  ];
}
