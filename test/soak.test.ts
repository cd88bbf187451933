import { describe, expect, test } from "bun:test";
import { lacks } from "./support-backend.ts";
import { runChild } from "./support-child.ts";
import { pseudoRandom } from "./support-random.ts";
import { type Counts, hasGrown, judge, lastingGrowth, type Memory } from "./support-soak.ts";
import { closingLine } from "./support-soak-report.ts";

/** A loss is told only after 20 seconds. */
const SOAK_MS = 30_000;
const LIMIT_MS = SOAK_MS + 10_000;
const KB = 2 ** 10;
const MB = 2 ** 20;
const LAPS = 16;

const COUNTS: Counts = { fds: 10, threads: 2, bunThreads: 9, signals: 9 };
const NOTHING_LEFT = { wakers: 0, listeners: 0 };

/** Laps as they are measured, noise included, each `growing` by so much in every lap. */
function laps(growing: Partial<Memory> = {}, count = LAPS, seed = 7): Memory[] {
  const noise = pseudoRandom(seed);
  return Array.from({ length: count }, (_, lap) => ({
    rss: 60 * MB + noise(2 * MB) + (growing.rss ?? 0) * lap,
    heap: 2300 * KB + noise(10 * KB) + (growing.heap ?? 0) * lap,
    mapped: 20 * MB + (growing.mapped ?? 0) * lap,
    workers: 4 * lap,
  }));
}

function grown(memory: readonly Memory[], end: Partial<Counts> = {}, left = {}): string[] {
  const findings = judge(memory, COUNTS, { ...COUNTS, ...end }, { ...NOTHING_LEFT, ...left });
  return findings.filter(hasGrown).map(({ what }) => what);
}

describe("what the soak calls growth", () => {
  test("is not the noise of a run that leaks nothing, nor what has grown once", () => {
    for (let run = 0; run < 200; run++) expect(grown(laps({}, LAPS, run))).toEqual([]);
    const stepped = laps().map((memory, lap) => {
      const once = lap < 7 ? 0 : 1;
      const { rss, heap, mapped = 0, workers } = memory;
      return {
        rss: rss + 8 * MB * once,
        heap: heap + MB * once,
        mapped: mapped + MB * once,
        workers,
      };
    });
    expect(grown(stepped)).toEqual([]);
  });

  test.each([
    // 100 bytes of each of 50 connections in a lap, on the slowest of machines.
    ["JavaScript heap", { heap: 5 * KB }],
    ["mapped since the start", { mapped: 30 * 4 * KB }],
    ["RSS", { rss: 4 * MB }],
  ] as const)("is %s that rises in every lap", (what, growing) => {
    expect(grown(laps(growing))).toEqual([what]);
  });

  test("is not what Bun keeps of each Worker that has loaded a library", () => {
    expect(grown(laps({ rss: 4 * 11 * KB }))).toEqual([]);
    expect(grown(laps({ rss: 4 * 11 * KB }, 200))).toEqual([]);
    expect(grown(laps({ rss: 4 * 100 * KB }, 200))).toEqual(["RSS"]);
  });

  test.each([
    ["fds", { fds: 11 }, {}],
    ["threads", { threads: 3 }, {}],
    ["signals handled", { signals: 10 }, {}],
    ["wakers", {}, { wakers: 1 }],
    ["signal listeners", {}, { listeners: 1 }],
  ] as const)("is one of the %s too many", (what, end, left) => {
    expect(grown(laps(), end, left)).toEqual([what]);
    expect(grown(laps(), { fds: 9, threads: 1 })).toEqual([]);
  });

  test("is memory only where there are laps enough to tell", () => {
    expect(grown(laps({ heap: MB }, 4))).toEqual([]);
  });
});

test("growth is told without the largest step, and spikes are no growth", () => {
  expect(lastingGrowth([0, 1, 2, 3, 4, 5, 6, 7])).toBeCloseTo(4.5);
  expect(lastingGrowth([0, 0, 0, 9, 9, 9, 9, 9])).toBe(0);
  expect(lastingGrowth([0, 9, 0, 0, 0, 9, 0, 0])).toBe(0);
  expect(lastingGrowth([5])).toBe(0);
});

test("the last line says what has grown, and by how much, or that something was lost", () => {
  const findings = judge(laps({ heap: MB }), COUNTS, { ...COUNTS, fds: 13 }, NOTHING_LEFT);
  expect(closingLine(findings, 0, 30)).toMatch(
    /^soak: GREW: JavaScript heap by [\d.]+ MB, fds by 3$/,
  );
  expect(closingLine(findings, 2, 30)).toEndWith(", 2 lost or wrong");
  const still = judge(laps(), COUNTS, COUNTS, NOTHING_LEFT);
  expect(closingLine(still, 0, 30)).toBe("soak: no growth in 30 s");
  expect(closingLine(still, 1, 30)).toBe("soak: LOST: 1 lost or wrong");
});

test.skipIf(lacks("a close that is done on return"))(
  "a short soak of everything loses nothing and leaves nothing open",
  async () => {
    const options = { args: ["--seconds", "2"], limitMs: SOAK_MS };
    const { stdout, stderr, code } = await runChild("../soak.ts", options);
    expect(stderr).toBe("");
    expect(stdout).toEndWith("\nsoak: no growth in 2 s (too short to judge memory)\n");
    // Growth is told by the exit code: there can be fewer at the end.
    expect(stdout).toMatch(/^fds +\d+ +\d+ +\d+ +-?\d+ +-?\d+ +0$/m);
    expect(stdout).toMatch(/^churned [\d,]+ connections, /m);
    expect(code).toBe(0);
  },
  LIMIT_MS,
);

test.each([
  [["--seconds", "soon"], "--seconds must be a whole number from 1 to 3600, not soon"],
  [["--only", "timers,coffee"], '--only knows no "coffee"'],
  [["--minutes", "5"], "minutes"],
])("a wrong option of the soak is refused, with the right ones: %p", async (args, message) => {
  const { stdout, stderr, code } = await runChild("../soak.ts", { args });
  expect(stderr.split("\n").find((line) => line.startsWith("soak: "))).toContain(message);
  expect(stderr).toContain("--seconds N");
  expect({ stdout, code }).toEqual({ stdout: "", code: 2 });
});
