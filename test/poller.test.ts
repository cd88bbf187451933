import { describe, expect, test } from "bun:test";
import {
  GENERATION_MAX,
  GENERATION_SHIFT,
  RECORD_FD,
  RECORD_WORD,
  RECORD_WORDS,
} from "../src/abi.ts";
import { READ, WRITE } from "../src/events.ts";
import type { Poller } from "../src/poller.ts";
import { Fds, poke, withTimeoutMode } from "./support.ts";
import { LATE_MS, seeksBest, testPoller, timed } from "./support-system.ts";

function wordOf(generation: number, mask: number): number {
  return (generation << GENERATION_SHIFT) | mask;
}

/** The shortest of so many empty waits, or more until one is in time, and how many ended before their time. */
function measureWaits(poller: Poller, timeoutMs: number, least: number, inTimeMs: number) {
  let best = Number.POSITIVE_INFINITY;
  let early = 0;
  let waits = 0;
  for (; seeksBest(waits, least, best, inTimeMs); waits++) {
    let count = -1;
    const waited = timed(() => {
      count = poller.wait(timeoutMs);
    });
    expect(count).toBe(0);
    best = Math.min(best, waited);
    if (waited < timeoutMs) early++;
  }
  return { best, early, waits };
}

/** A poller whose waits count whole milliseconds, as on a kernel without nanoseconds. */
function coarsePoller(): Poller & Disposable {
  return withTimeoutMode("ms", testPoller);
}

test("records stay right over 50,000 waits, hot code and forced collections", () => {
  using fds = new Fds();
  // A small view is the kind that the engine moves.
  using poller = testPoller({ recordsMax: 4 });
  const [reader, writer] = fds.pipe();
  poke(writer);
  expect(poller.add(reader, wordOf(1, READ))).toBe(0);
  let wrong = 0;
  for (let turn = 1; turn <= 50_000; turn++) {
    const generation = (turn * 317) % GENERATION_MAX;
    const word = wordOf(generation + 1, READ);
    poller.update(reader, word);
    const count = poller.wait(0);
    const { records } = poller;
    if (count !== 1 || records[RECORD_FD] !== reader || records[RECORD_WORD] !== word) wrong++;
    if (turn % 1000 === 0) Bun.gc(true);
  }
  expect(wrong).toBe(0);
});

test("a full batch holds one record for each ready fd, and no other", () => {
  using fds = new Fds();
  using poller = testPoller({ recordsMax: 8 });
  const expected = new Map<number, number>();
  for (let pair = 0; pair < 4; pair++) {
    for (const fd of fds.pair()) {
      const word = wordOf(GENERATION_MAX - expected.size, WRITE);
      expected.set(fd, word);
      poller.add(fd, word);
    }
  }
  const count = poller.wait(0);
  const told = new Map<number, number | undefined>();
  for (let at = 0; at < count * RECORD_WORDS; at += RECORD_WORDS) {
    told.set(poller.records[at + RECORD_FD] as number, poller.records[at + RECORD_WORD]);
  }
  expect(count).toBe(8);
  expect(told).toEqual(expected);
});

test("a wait of 0 returns at once", () => {
  using poller = testPoller();
  // 1000 waits take about a millisecond; were each to sleep for the shortest time, it would be 50.
  const best = Math.min(
    ...Array.from({ length: 5 }, () =>
      timed(() => {
        for (let turn = 0; turn < 1000; turn++) poller.wait(0);
      }),
    ),
  );
  expect(best).toBeLessThan(40);
});

describe("precision", () => {
  test.each([
    [0.1, 200],
    [3.1, 60],
  ])("waits of %f ms are never shorter, and the best is hardly longer", (ms, times) => {
    using poller = testPoller();
    if (poller.coarse)
      console.log("no nanosecond waits on this kernel: waits are rounded up to whole milliseconds");
    const latest = (poller.coarse ? Math.ceil(ms) : ms) + LATE_MS;
    const { best, early } = measureWaits(poller, ms, times, latest);
    expect(early).toBe(0);
    expect(best).toBeLessThanOrEqual(latest);
  });

  test.each([
    [0.1, 50],
    [3.1, 30],
  ])("with whole milliseconds, waits of %f ms are never shorter either", (ms, times) => {
    using poller = coarsePoller();
    expect(poller.coarse).toBeTrue();
    const latest = Math.ceil(ms) + LATE_MS;
    const { best, early } = measureWaits(poller, ms, times, latest);
    expect(early).toBe(0);
    expect(best).toBeLessThanOrEqual(latest);
  });

  test("whole milliseconds are asked for one poller, and the next one is fine again", () => {
    using coarse = coarsePoller();
    using fine = testPoller();
    expect(coarse.coarse).toBeTrue();
    // Unless this very process runs with the fallback, or on a kernel that needs it.
    if (process.env["BUN_IOLOOP_TIMEOUT"] !== "ms") {
      using another = testPoller();
      expect(fine.coarse).toBe(another.coarse);
    }
  });
});

describe("spin", () => {
  test("a wait that spins for longer than its time is neither shorter nor longer", () => {
    using poller = testPoller({ spinUs: 500_000 });
    const { best, early } = measureWaits(poller, 2, 20, 2.5);
    expect(early).toBe(0);
    expect(best).toBeLessThanOrEqual(2.5);
  });

  test("a wait that spins for less sleeps through the rest", () => {
    using poller = testPoller({ spinUs: 500 });
    const before = process.threadCpuUsage();
    // The rest, 19.5 ms, is rounded up where waits count whole milliseconds.
    const latest = (poller.coarse ? 21 : 20) + LATE_MS;
    const { best, early, waits } = measureWaits(poller, 20, 10, latest);
    const { user, system } = process.threadCpuUsage(before);
    expect(early).toBe(0);
    expect(best).toBeLessThanOrEqual(latest);
    // Each spins for 0.5 ms: one that spun all along would use 20 ms.
    expect((user + system) / 1000).toBeLessThan(10 * waits);
  });

  test("what is ready before or during the spin ends it", () => {
    using fds = new Fds();
    using poller = testPoller({ spinUs: 1_000_000 });
    const [reader, writer] = fds.pipe();
    poller.add(reader, wordOf(1, READ));
    poke(writer);
    let count = 0;
    const waited = timed(() => {
      count = poller.wait(2000);
    });
    expect(count).toBe(1);
    expect(waited).toBeLessThan(500);
  });
});
