import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { READ, WRITE } from "../src/index.ts";
import { type Distribution, Histogram } from "../src/metrics.ts";
import { Fds, ignore, run, testLoop, thrownBy, untyped } from "./support.ts";
import { busy, FakeClocks } from "./support-clock.ts";
import { runIn } from "./support-modes.ts";

const NONE: Distribution = { count: 0, p50: 0, p90: 0, p99: 0, max: 0 };

function distributionOf(values: readonly number[]): Distribution {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  const into = { ...NONE };
  histogram.fill(into);
  return into;
}

describe("what a loop counts", () => {
  test("is what happened", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    loop.addHandler(a, WRITE, ignore);
    for (let count = 0; count < 3; count++) loop.addCallback(ignore);
    loop.callLater(0, ignore);
    loop.removeTimeout(loop.callLater(0, ignore));
    for (let pass = 0; pass < 5; pass++) loop.runOnce(0);
    expect(loop.metrics()).toMatchObject({
      iterations: 5,
      events: 5,
      callbacks: 3,
      timers: 1,
      dropped: 0,
    });
  });

  test("holds what came for a handler that was removed within the batch", () => {
    using loop = testLoop();
    using fds = new Fds();
    const both = fds.pair();
    for (const fd of both) {
      loop.addHandler(fd, WRITE, () => {
        for (const one of both) loop.removeHandler(one);
      });
    }
    loop.runOnce(0);
    expect(loop.metrics()).toMatchObject({ events: 1, dropped: 1 });
  });

  test("is there in run() as well, and after the close", async () => {
    using loop = testLoop();
    loop.callLater(1, () => loop.stop());
    await runIn("run()", loop);
    const { iterations, timers } = loop.metrics();
    expect(iterations).toBeGreaterThan(0);
    // The guard of the run was taken out.
    expect(timers).toBe(1);
    loop.close();
    expect(loop.metrics()).toMatchObject({ iterations, timers });
  });

  test("belongs to its own loop, also where one runs within another", () => {
    using outer = testLoop();
    using inner = testLoop();
    inner.addCallback(ignore);
    outer.addHandler(inner, READ, ignore);
    outer.addCallback(() => inner.runOnce(0));
    outer.runOnce(0);
    expect(outer.metrics()).toMatchObject({ iterations: 1, callbacks: 1, events: 0 });
    expect(inner.metrics()).toMatchObject({ iterations: 1, callbacks: 1, events: 0 });
  });
});

describe("what a loop measures", () => {
  test("begins with the first look", () => {
    using loop = testLoop();
    loop.callLater(0, ignore);
    loop.runOnce(0);
    const first = loop.metrics();
    expect(first).toMatchObject({ lag: NONE, duration: NONE, busyMs: 0, waitingMs: 0 });
    loop.callLater(0, ignore);
    loop.runOnce(0);
    const second = loop.metrics();
    expect(second.timers).toBe(2);
    expect(second.lag.count).toBe(1);
    expect(second.duration.count).toBe(1);
  });

  test("is how late timers were called, how long calls took, and how long it was busy", () => {
    using clocks = new FakeClocks();
    using loop = testLoop();
    const start = clocks.mono;
    loop.metrics();
    loop.callAt(start + 10, () => {
      clocks.mono += 40;
    });
    loop.setInterval(25, ignore);
    clocks.mono = start + 50;
    loop.runOnce(0);
    clocks.mono += 10;
    const { lag, duration, busyMs, waitingMs, utilisation } = loop.metrics();
    expect(lag).toMatchObject({ count: 2, max: 65 });
    expect(duration).toMatchObject({ count: 2, max: 40 });
    expect({ busyMs, waitingMs, utilisation }).toEqual({
      busyMs: 40,
      waitingMs: 0,
      utilisation: 0.4,
    });
  });

  test("tells waiting from being busy", () => {
    using loop = testLoop();
    const before = loop.metrics();
    // Long enough that no busy machine has used it up before the wait.
    loop.callLater(200, () => {
      busy(20);
      loop.stop();
    });
    run(loop);
    const after = loop.metrics();
    expect(after.waitingMs - before.waitingMs).toBeGreaterThan(0);
    expect(after.busyMs - before.busyMs).toBeGreaterThanOrEqual(20);
    expect(after.utilisation).toBeGreaterThan(0);
    expect(after.utilisation).toBeLessThan(1);
  });

  test("counts what an iteration has been busy with so far", () => {
    using clocks = new FakeClocks();
    using loop = testLoop();
    loop.metrics();
    let busyMs = 0;
    loop.addCallback(() => {
      clocks.mono += 7;
      busyMs = loop.metrics().busyMs;
    });
    loop.runOnce(0);
    expect(busyMs).toBe(7);
  });

  test("goes on after an error has left the run", () => {
    using clocks = new FakeClocks();
    using loop = testLoop();
    loop.metrics();
    loop.addCallback(() => {
      clocks.mono += 5;
      throw new Error("left");
    });
    expect(thrownBy(() => loop.runOnce(0))).toMatchObject({ message: "left" });
    clocks.mono += 100;
    expect(loop.metrics().busyMs).toBe(5);
  });
});

test("metrics(into) fills what an earlier call returned", () => {
  using loop = testLoop();
  const into = loop.metrics();
  const { lag, duration } = into;
  loop.runOnce(0);
  expect(loop.metrics(into)).toBe(into);
  expect(into.iterations).toBe(1);
  expect(into.lag).toBe(lag);
  expect(into.duration).toBe(duration);
});

test.each([
  [7, "into must be an object"],
  [null, "into must be an object"],
  [{}, "into.lag must be an object"],
  [{ lag: {} }, "into.duration must be an object"],
])("metrics(%p) is refused", (into, message) => {
  using loop = testLoop();
  const error = thrownBy(() => loop.metrics(untyped(into)));
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message).toStartWith(message);
});

describe("a distribution", () => {
  test("without values is all zeros", () => {
    expect(distributionOf([])).toEqual(NONE);
  });

  test("of one value is that value", () => {
    const { count, p50, p99, max } = distributionOf([5]);
    expect({ count, max }).toEqual({ count: 1, max: 5 });
    expect(p50).toBe(5);
    expect(p99).toBe(5);
  });

  test("has percentiles within 3.2 % of the sorted list's, from a microsecond to an hour", () => {
    const times = fc.array(fc.double({ min: 0.001, max: 3_600_000, noNaN: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(times, (values) => {
        const sorted = values.toSorted((one, other) => one - other);
        const found = distributionOf(values);
        expect(found.count).toBe(values.length);
        expect(found.max).toBe(sorted.at(-1) ?? 0);
        for (const [part, name] of [
          [0.5, "p50"],
          [0.9, "p90"],
          [0.99, "p99"],
        ] as const) {
          const exact = sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
          expect(Math.abs(found[name] - exact) / exact).toBeLessThan(0.032);
        }
      }),
    );
  });

  test("counts what is beyond its ends at them", () => {
    const { count, p50, max } = distributionOf([0, 0, 1e12]);
    expect(count).toBe(3);
    expect(p50).toBeLessThan(0.0001);
    expect(max).toBe(1e12);
  });
});
