import { expect, test } from "bun:test";
import { type CallContext, type IntervalRef, IOLoop } from "../src/index.ts";
import { fail, ignore, run, testLoop } from "./support.ts";
import { beat, FakeClocks } from "./support-clock.ts";

test("an interval keeps its grid: it does not drift, however late each beat is seen", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const start = clocks.mono;
  const beats: number[] = [];
  loop.setInterval(10, () => beats.push(clocks.mono));
  for (let count = 1; count <= 1000; count++) {
    clocks.mono = start + count * 10 - 0.001;
    loop.runOnce(0);
    clocks.mono = start + count * 10 + (count % 9);
    loop.runOnce(0);
  }
  expect(beats).toEqual(
    Array.from({ length: 1000 }, (_, k) => start + (k + 1) * 10 + ((k + 1) % 9)),
  );
});

test("a period that no double holds exactly does not drift either", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const start = clocks.mono;
  let beats = 0;
  loop.setInterval(0.1, () => beats++);
  for (let count = 1; count <= 10_000; count++) {
    clocks.mono = start + count * 0.1 + 0.05;
    loop.runOnce(0);
  }
  expect(beats).toBe(10_000);
});

test("after a stall there is one run, then the grid again", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const start = clocks.mono;
  const beats: number[] = [];
  loop.setInterval(10, () => beats.push(clocks.mono - start));
  for (const time of [10, 57, 57, 59.9, 60, 61, 69, 71, 1000, 1009, 1010]) {
    clocks.mono = start + time;
    loop.runOnce(0);
  }
  expect(beats).toEqual([10, 57, 60, 71, 1000, 1010]);
});

test("a stall inside the tick itself swallows beats too", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const start = clocks.mono;
  const beats: number[] = [];
  loop.setInterval(10, () => {
    beats.push(clocks.mono - start);
    if (beats.length === 1) clocks.mono += 34;
  });
  for (const time of [10, 44, 45, 49, 50]) {
    clocks.mono = Math.max(clocks.mono, start + time);
    loop.runOnce(0);
  }
  expect(beats).toEqual([10, 44, 50]);
});

test("an interval beats under a running loop, never before its time", () => {
  using loop = testLoop();
  const began = loop.time();
  const beats: number[] = [];
  loop.setInterval(4, () => {
    beats.push(loop.time() - began);
    if (beats.length === 5) loop.stop();
  });
  run(loop);
  for (const [index, beat] of beats.entries()) expect(beat).toBeGreaterThanOrEqual((index + 1) * 4);
});

test("clearInterval inside its own tick ends it", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const cleared: boolean[] = [];
  const ref: IntervalRef = loop.setInterval(10, () => {
    cleared.push(loop.clearInterval(ref), loop.clearInterval(ref));
  });
  beat(loop, clocks, 5);
  expect(cleared).toEqual([true, false]);
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
});

test("a due interval that another one clears in the same pass does not run", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const ran: string[] = [];
  loop.setInterval(10, () => {
    ran.push("first");
    loop.clearInterval(second);
  });
  const second = loop.setInterval(10, () => ran.push("second"));
  beat(loop, clocks, 1);
  expect(ran).toEqual(["first"]);
});

test("equal beats come in the order of the intervals, beat after beat", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const ran: string[] = [];
  for (const name of ["a", "b", "c", "d", "e", "f"]) loop.setInterval(10, () => ran.push(name));
  beat(loop, clocks, 4);
  expect(ran.join("")).toBe("abcdef".repeat(4));
});

test("clearing an unknown or cleared interval is false", () => {
  using loop = testLoop();
  const ref = loop.setInterval(10, ignore);
  expect(loop.clearInterval(ref)).toBeTrue();
  const unknown = [ref, 0, -1, 0.5, Number.NaN, 2 ** 60, "x", undefined] as unknown as number[];
  for (const forged of unknown) expect(loop.clearInterval(forged)).toBeFalse();
});

test("timeouts and intervals share one number space, and neither removes the other", () => {
  using loop = testLoop();
  const refs = new Set<number>();
  for (let count = 0; count < 100; count++) {
    const timeout = loop.callLater(1000, ignore);
    const interval = loop.setInterval(1000, ignore);
    refs.add(timeout).add(interval);
    expect(loop.removeTimeout(interval)).toBeFalse();
    expect(loop.clearInterval(timeout)).toBeFalse();
    expect(loop.removeTimeout(timeout) && loop.clearInterval(interval)).toBeTrue();
  }
  expect(refs.size).toBe(200);
});

test("a period of 0 or less, that is no finite number, or no function, is refused", () => {
  using loop = testLoop();
  for (const period of [
    0,
    -0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]) {
    expect(() => loop.setInterval(period, ignore)).toThrow(RangeError);
  }
  for (const period of ["1", null, undefined, {}, 1n] as unknown as number[]) {
    expect(() => loop.setInterval(period, ignore)).toThrow(TypeError);
  }
  for (const func of [undefined, null, 1, "x", {}] as unknown as (() => void)[]) {
    expect(() => loop.setInterval(1, func)).toThrow(TypeError);
  }
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
});

test("arguments pass through at each beat", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const got: unknown[] = [];
  const object = {};
  loop.setInterval(10, (arg) => got.push(arg), object);
  beat(loop, clocks, 2);
  expect(got[0]).toBe(object);
  expect(got[1]).toBe(object);
});

test.each([
  ["throws", () => fail("from a tick")],
  ["returns a promise that rejects", async () => fail("from a tick")],
])("a tick that %s reaches onError each time, and goes on", (_, tick) => {
  using clocks = new FakeClocks();
  const reports: [unknown, CallContext][] = [];
  using loop = new IOLoop({ onError: (error, context) => reports.push([error, context]) });
  const ref = loop.setInterval(10, tick);
  beat(loop, clocks, 3);
  const expected = [new Error("from a tick"), { source: "interval", ref }];
  expect(reports).toEqual([expected, expected, expected] as [unknown, CallContext][]);
});
