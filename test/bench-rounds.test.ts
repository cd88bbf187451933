import { describe, expect, test } from "bun:test";
import { runWorkload } from "../bench/harness/rounds.ts";
import { watchStolenTime } from "../bench/harness/stolen-time.ts";
import { type Contestant, type Goal, told, type Workload } from "../bench/harness/workload.ts";

const LATENCY = { name: "latency", unit: "us", of: told("us") };
const CASE = "one";

/** Answers with the next of `us` in each round, and notes what it was asked. */
function scripted(
  peer: Contestant["peer"],
  us: readonly number[],
  asked: string[] = [],
  way = "",
): Contestant {
  let round = 0;
  const name = way === "" ? peer : way;
  return {
    peer,
    way,
    async start() {
      asked.push(`${name} starts`);
      return {
        async measure() {
          asked.push(name);
          return { us: us[round++] as number, messages: round };
        },
        async [Symbol.asyncDispose]() {
          asked.push(`${name} ends`);
        },
      };
    },
  };
}

async function run(
  contestants: Contestant[],
  more: Partial<Workload["cases"][0]> = {},
  goals: Goal[] = [],
  stolen: number[] = [],
) {
  const rounds = [3, 2] as const;
  const cases = [{ name: CASE, contestants, figures: [LATENCY], rounds, ...more }];
  const watchStolen = () => () => stolen.shift() ?? 0;
  return runWorkload({ name: "w", what: "", cases, goals }, false, () => {}, watchStolen);
}

describe("a workload's rounds", () => {
  test("ask every peer once in each, to and fro", async () => {
    const asked: string[] = [];
    await run([scripted("bun-ioloop", [1, 1, 1], asked), scripted("Bun", [1, 1, 1], asked)]);
    expect(asked.filter((what) => !what.includes(" "))).toEqual([
      ...["bun-ioloop", "Bun"],
      ...["Bun", "bun-ioloop"],
      ...["bun-ioloop", "Bun"],
    ]);
  });

  test("are made of what starts before the first and ends after the last, as often as is wanted", async () => {
    const asked: string[] = [];
    const peers = (["bun-ioloop", "Bun"] as const).map((peer) => scripted(peer, [1, 1, 1], asked));
    await run(peers, { rounds: [1, 1], starts: [3, 1] });
    const start = ["bun-ioloop starts", "Bun starts"];
    const end = ["Bun ends", "bun-ioloop ends"];
    expect(asked).toEqual([
      ...[...start, "bun-ioloop", "Bun", ...end],
      ...[...start, "Bun", "bun-ioloop", ...end],
      ...[...start, "bun-ioloop", "Bun", ...end],
    ]);
  });

  test("leave nothing running when one contestant cannot start", async () => {
    const asked: string[] = [];
    const start = () => Promise.reject(new Error("no port"));
    const contestants = [
      scripted("bun-ioloop", [1], asked),
      { peer: "Bun", way: "", start } as const,
    ];
    await expect(run(contestants)).rejects.toThrow("no port");
    expect(asked).toEqual(["bun-ioloop starts", "bun-ioloop ends"]);
  });

  test("are repeated, all of their contestants, when the host takes processors from one", async () => {
    const tries = [10, 1, 2, 3];
    const contestants = [scripted("bun-ioloop", tries), scripted("Bun", tries)];
    const { measures, disturbed } = await run(contestants, {}, [], [0.3, 0.05]);
    expect(measures[0]?.figures.map(({ values }) => values)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(disturbed).toBeUndefined();
  });

  test("are kept at the third try, the least disturbed of them, and counted", async () => {
    const contestants = [scripted("bun-ioloop", [30, 10, 20, 1, 2])];
    const { measures, disturbed } = await run(contestants, {}, [], [0.4, 0.1, 0.2]);
    expect(measures[0]?.figures[0]?.values).toEqual([10, 1, 2]);
    expect(disturbed).toEqual({ rounds: 1, of: 3 });
  });

  test("are fewer in a quick run", async () => {
    const asked: string[] = [];
    const contestants = [scripted("bun-ioloop", [1, 1, 1], asked)];
    const plan = { rounds: [3, 2], starts: [2, 1] } as const;
    const cases = [{ name: CASE, contestants, figures: [LATENCY], ...plan }];
    await runWorkload(
      { name: "w", what: "", cases },
      true,
      () => {},
      () => () => 0,
    );
    expect(asked.filter((what) => what === "bun-ioloop")).toHaveLength(2);
  });

  test("give the median of the ratios of each round, not the ratio of the medians", async () => {
    const { measures } = await run([
      scripted("bun-ioloop", [10, 200, 30]),
      scripted("Bun", [20, 100, 15]),
    ]);
    expect(measures[0]?.figures.map(({ median }) => median)).toEqual([30, 20]);
    expect(measures[0]?.ratios).toMatchObject([
      { of: "bun-ioloop", to: "Bun", how: "paired", values: [0.5, 2, 2], median: 2 },
    ]);
  });

  test("are added up where one alone is too coarse", async () => {
    const pooled = { ...LATENCY, per: told("messages") };
    const { measures } = await run(
      [scripted("bun-ioloop", [6, 3, 2]), scripted("Bun", [12, 12, 12])],
      { figures: [pooled] },
    );
    // 6 for 1 message, 3 for 2, 2 for 3.
    expect(measures[0]?.figures[0]?.median).toBe(3);
    expect(measures[0]?.ratios[0]).toMatchObject({ how: "pooled", median: 0.25 });
  });

  test("compare our ways with a named one of ours", async () => {
    const { measures } = await run(
      [scripted("bun-ioloop", [4, 4, 4], [], "many"), scripted("bun-ioloop", [2, 2, 2], [], "few")],
      { against: "bun-ioloop, few" },
    );
    expect(measures[0]?.ratios).toMatchObject([
      { of: "bun-ioloop, many", to: "bun-ioloop, few", median: 2 },
    ]);
  });

  test("compare nothing of a figure that says nothing about who is better", async () => {
    const { measures } = await run(
      [scripted("bun-ioloop", [1, 1, 1]), scripted("Bun", [2, 2, 2])],
      {
        figures: [{ ...LATENCY, incomparable: true }],
      },
    );
    expect(measures[0]?.ratios).toEqual([]);
  });
});

describe("stolen time", () => {
  /** The share between two states of all cores, beside which those of one core are no matter. */
  function share(...lines: readonly [before: string, after: string]): number {
    const left = [...lines];
    const end = watchStolenTime(() => `${left.shift()}\ncpu0 1 2 3 4 5 6 7 8 9 10\n`);
    return end();
  }

  test("is the part of what was wanted that others have got, and idle time is not wanted", () => {
    //                  user nice system idle iowait irq softirq steal
    const before = "cpu  100 10 50 9000 300 1 2 40 0 0";
    expect(share(before, "cpu  120 20 60 9900 400 6 7 90 0 0")).toBe(0.5);
    expect(share(before, "cpu  120 10 50 9900 400 1 2 40 0 0")).toBe(0);
  });

  test("is none where nothing was wanted", () => {
    expect(share("cpu  1 1 1 1 1 1 1 1 0 0", "cpu  1 1 1 99 1 1 1 1 0 0")).toBe(0);
  });

  test("is told by this system", () => {
    expect(watchStolenTime()()).toBeWithin(0, 1.001);
  });
});

describe("a goal", () => {
  const contestants = () => [scripted("bun-ioloop", [3, 3, 3]), scripted("Bun", [2, 2, 2])];
  const goal = { case: CASE, figure: LATENCY.name, of: "bun-ioloop" };

  test("of a ratio is met up to its limit, and missed beyond", async () => {
    const to = "Bun";
    const { goals } = await run(contestants(), {}, [
      { ...goal, to, most: 1.5 },
      { ...goal, to, most: 1.4 },
      { ...goal, to, least: 1.5 },
      { ...goal, to, least: 1.6 },
    ]);
    expect(goals.map(({ got, met }) => [got, met])).toEqual([
      [1.5, true],
      [1.5, false],
      [1.5, true],
      [1.5, false],
    ]);
  });

  test("of a figure is judged by its median", async () => {
    const { goals } = await run(contestants(), {}, [{ ...goal, most: 2.5 }]);
    expect(goals).toMatchObject([{ limit: 2.5, got: 3, met: false }]);
  });

  test("about a peer that was not measured is left out", async () => {
    const { goals } = await run(contestants(), {}, [{ ...goal, to: "libuv", most: 1 }]);
    expect(goals).toEqual([]);
  });
});
