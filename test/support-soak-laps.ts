import { IOLoopError } from "../src/index.ts";
import { runWoken } from "./support-hosted.ts";
import { type Counts, type Finding, judge, type Memory } from "./support-soak.ts";
import { Awaits } from "./support-soak-awaits.ts";
import { Datagrams, Pipes } from "./support-soak-bytes.ts";
import { Children } from "./support-soak-children.ts";
import { Connections } from "./support-soak-connections.ts";
import { type Churn, Planned, Soak, show, type Totals } from "./support-soak-context.ts";
import { Errors, Ghosts } from "./support-soak-ghosts.ts";
import { Loops } from "./support-soak-loops.ts";
import {
  count,
  countSettled,
  countTableRooms,
  describeFds,
  measureMemory,
} from "./support-soak-sample.ts";
import { Signals } from "./support-soak-signals.ts";
import { Timers } from "./support-soak-timers.ts";
import { Workers } from "./support-soak-workers.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** The churns to run; all by default. */
  readonly only?: readonly string[] | undefined;
  readonly print: (line: string) => void;
  /** Called after each lap, warm-up included. */
  readonly lapped: (progress: Progress) => void;
  /** Called all the time: where that ends, something hangs. */
  readonly moved: () => void;
}

export interface Progress {
  readonly elapsedMs: number;
  readonly warm: boolean;
  readonly memory: Memory;
  readonly counts: Counts;
  readonly totals: Totals;
}

export interface Outcome {
  readonly start: { readonly memory: Memory; readonly counts: Counts };
  readonly findings: readonly Finding[];
  readonly totals: Totals;
  readonly losses: number;
  readonly laps: number;
  /** The files that are open beyond those that were when all was warm. */
  readonly fdsLeft: readonly string[];
}

const WARM_UP_SHARE = 0.25;
const WARM_UP_MOST_MS = 60_000;
const LAPS = 24;
const LAP_LEAST_MS = 250;
const LAP_MOST_MS = 3000;
/** Far more than the end of a lap takes. */
const LAP_END_MS = 30_000;
const SETTLE_MS = 10_000;
const LAP_SETTLE_MS = 1000;

/** How the loop is run in turn, each for a while. */
const PHASES = [
  { way: "hosted, woken by the kernel", ms: 60 },
  { way: "start", ms: 30 },
  { way: "hosted, woken by a thread", ms: 60 },
  { way: "runUntil", ms: 15 },
  { way: "hosted, woken by the kernel", ms: 60 },
  { way: "runOnce", ms: 15 },
] as const;
type Way = (typeof PHASES)[number]["way"];
const ONCE_MS = 5;

export const CHURNS: readonly (() => Churn)[] = [
  () => new Connections(),
  () => new Pipes(),
  () => new Datagrams(),
  () => new Timers(),
  () => new Awaits(),
  () => new Loops(),
  () => new Workers(),
  () => new Signals(),
  () => new Children(),
  () => new Ghosts(),
  () => new Errors(),
];

/** Lap after lap of all churns, first to warm up and then to be measured; everything is closed in between and at the end. */
export async function runSoak(options: SoakOptions): Promise<Outcome> {
  const { seconds, seed, only, print } = options;
  const churns = CHURNS.map((make) => make()).filter(({ name }) => only?.includes(name) ?? true);
  const start = { memory: await measureMemory(0), counts: count() };
  const soak = new Soak(seed, print);
  const began = performance.now();
  const lapMs = Math.min(Math.max((seconds * 1000) / LAPS, LAP_LEAST_MS), LAP_MOST_MS);
  const memory: Memory[] = [];

  const run = async (untilMs: number, warm: boolean): Promise<void> => {
    soak.open();
    for (const churn of churns) churn.open?.(soak);
    let most: Counts | undefined;
    do {
      await runLap(soak, churns, lapMs, options.moved);
      most ??= await countSettled(LAP_SETTLE_MS);
      const counts = await countSettled(LAP_SETTLE_MS, most);
      const measured = await measureMemory(soak.totals.workers);
      if (warm) memory.push(measured);
      const elapsedMs = performance.now() - began;
      options.lapped({ elapsedMs, warm, memory: measured, counts, totals: soak.totals });
    } while (performance.now() - began < untilMs);
    for (const churn of churns) churn.close?.(soak);
    soak.close();
  };

  const warmUpMs = Math.min(seconds * 1000 * WARM_UP_SHARE, WARM_UP_MOST_MS);
  await run(warmUpMs, false);
  const warm = await countSettled(SETTLE_MS);
  const fdsWarm = describeFds();
  await run(seconds * 1000, true);
  const end = await countSettled(SETTLE_MS, warm);
  const fdsLeft = describeFds().filter((fd) => !fdsWarm.includes(fd));
  return {
    start,
    findings: judge(memory, warm, end, countTableRooms()),
    totals: soak.totals,
    losses: soak.losses,
    laps: memory.length,
    fdsLeft: end.fds > warm.fds ? fdsLeft : [],
  };
}

/** All churns for a while, with the loop run in every way in turn, until each has ended what it began. */
async function runLap(
  soak: Soak,
  churns: readonly Churn[],
  lapMs: number,
  moved: () => void,
): Promise<void> {
  const { loop } = soak;
  soak.over = false;
  loop.callLater(lapMs, () => {
    soak.over = true;
  });
  let done = false;
  let failure: { readonly error: unknown } | undefined;
  const finish = (): void => {
    done = true;
    loop.stop();
  };
  Promise.all(churns.map((churn) => churn.lap(soak))).then(finish, (error: unknown) => {
    failure = { error };
    finish();
  });
  const limit = performance.now() + lapMs + LAP_END_MS;
  for (let phase = 0; !done; phase++) {
    moved();
    for (const churn of churns) churn.between?.(soak);
    const { way, ms } = PHASES[phase % PHASES.length] as (typeof PHASES)[number];
    await runPhase(soak, way, ms);
    if (performance.now() > limit) {
      throw new Error(
        `a lap did not end within ${LAP_END_MS / 1000} s: it waits for ${soak.waitingFor}`,
      );
    }
  }
  if (failure !== undefined) throw new Error(`a churn failed: ${show(failure.error)}`);
}

/** Runs the loop for a while. What leaves the run on purpose ends it early. */
async function runPhase({ loop }: Soak, way: Way, ms: number): Promise<void> {
  const end = performance.now() + ms;
  const stop = loop.callLater(ms, () => loop.stop());
  try {
    if (way === "start") loop.start();
    else if (way === "runUntil") loop.runUntil(() => loop.sleep(ms / 2));
    else if (way === "runOnce") while (performance.now() < end) loop.runOnce(ONCE_MS);
    else await runWoken(loop, way === "hosted, woken by a thread" ? "thread" : "kernel");
  } catch (error) {
    const stopped = error instanceof IOLoopError && error.code === "ERR_LOOP_STOPPED";
    if (!stopped && !(error instanceof Planned)) throw error;
  } finally {
    loop.removeTimeout(stop);
  }
}
