import { describe, expect, test } from "bun:test";
import type { IOLoop, TimeoutRef } from "../src/index.ts";
import { ignore, run, testLoop, withTimeoutMode } from "./support.ts";
import { busy } from "./support-clock.ts";
import { LATE_MS, seeksBest, timed } from "./support-system.ts";
import { addManyTimeouts } from "./support-timeouts.ts";

test("equal deadlines run in the order added", () => {
  using loop = testLoop();
  const order: number[] = [];
  const due = loop.time() + 2;
  for (let index = 0; index < 100; index++) loop.callAt(due, () => order.push(index));
  loop.callAt(due + 0.001, () => loop.stop());
  run(loop);
  expect(order).toEqual(order.map((_, index) => index));
  expect(order.length).toBe(100);
});

test("a past or negative moment means the next pass, in the order added", () => {
  using loop = testLoop();
  const order: string[] = [];
  loop.callLater(0, () => order.push("zero"));
  loop.callLater(-5, () => order.push("negative delay"));
  loop.callAt(loop.time() - 1000, () => order.push("past"));
  loop.callAt(-1, () => order.push("negative time"));
  loop.addTimeout(Date.now() - 1000, () => order.push("past timestamp"));
  loop.addTimeout(-1, () => order.push("negative timestamp"));
  loop.callLater(-Number.MAX_VALUE, () => order.push("least delay"));
  expect(loop.pollTimeout()).toBe(0);
  loop.runOnce(0);
  expect(order).toEqual([
    "zero",
    "negative delay",
    "past",
    "negative time",
    "past timestamp",
    "negative timestamp",
    "least delay",
  ]);
});

test("a moment that is no finite number, or no function, is refused and changes nothing", () => {
  using loop = testLoop();
  const infinite = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const noNumber = ["1", null, undefined, {}, true, 1n, new Date()] as unknown as number[];
  const noFunction = [undefined, null, 1, "x", {}] as unknown as (() => void)[];
  for (const add of [loop.addTimeout, loop.callLater, loop.callAt].map((add) => add.bind(loop))) {
    for (const moment of infinite) expect(() => add(moment, ignore)).toThrow(RangeError);
    for (const moment of noNumber) expect(() => add(moment, ignore)).toThrow(TypeError);
    for (const func of noFunction) expect(() => add(1, func)).toThrow(TypeError);
  }
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
});

test("a delay longer than any wait neither comes early nor is refused", () => {
  using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
  for (const delay of [2 ** 31, 2 ** 53, Number.MAX_VALUE]) {
    loop.callLater(delay, () => {
      throw new Error(`${delay} ms are not over`);
    });
  }
  expect(loop.runOnce(1)).toBe(0);
  expect(loop.pollTimeout()).toBeGreaterThan(2 ** 30);
});

test("a removed timeout does not run, and only its first removal is true", () => {
  using loop = testLoop();
  const ran: string[] = [];
  const removed = loop.callLater(0, () => ran.push("removed"));
  loop.callLater(0, () => ran.push("kept"));
  expect([loop.removeTimeout(removed), loop.removeTimeout(removed)]).toEqual([true, false]);
  loop.runOnce(0);
  expect(ran).toEqual(["kept"]);
});

test("removing a timeout that ran, or that never was, is false", () => {
  using loop = testLoop();
  const inside: boolean[] = [];
  const ref: TimeoutRef = loop.callLater(0, () => inside.push(loop.removeTimeout(ref)));
  loop.runOnce(0);
  expect(inside).toEqual([false]);
  const forged = [ref, 0, 1, -1, 0.5, Number.NaN, 2 ** 60, "x", undefined] as unknown as number[];
  const kept = loop.callLater(1000, ignore);
  for (const unknown of forged) expect(loop.removeTimeout(unknown)).toBeFalse();
  expect(loop.removeTimeout(kept)).toBeTrue();
});

test("a due timeout that another one removes in the same pass does not run", () => {
  using loop = testLoop();
  const ran: string[] = [];
  loop.callLater(0, () => {
    ran.push("first");
    expect(loop.removeTimeout(second)).toBeTrue();
  });
  const second = loop.callLater(0, () => ran.push("second"));
  loop.callLater(0, () => ran.push("third"));
  loop.runOnce(0);
  expect(ran).toEqual(["first", "third"]);
});

test("after remove and add again only the new deadline counts", () => {
  using loop = testLoop();
  const began = loop.time();
  let ranAt = 0;
  expect(loop.removeTimeout(loop.callLater(1, () => loop.stop()))).toBeTrue();
  loop.callLater(15, () => {
    ranAt = loop.time();
    loop.stop();
  });
  run(loop);
  expect(ranAt - began).toBeGreaterThanOrEqual(15);
});

test("a timeout that removes itself and adds another: the other runs", () => {
  using loop = testLoop();
  let ran = false;
  const ref: TimeoutRef = loop.callLater(0, () => {
    loop.removeTimeout(ref);
    loop.callLater(0, () => {
      ran = true;
      loop.stop();
    });
  });
  run(loop);
  expect(ran).toBeTrue();
});

test("a timeout armed late in a turn is measured from then", () => {
  using loop = testLoop();
  let armedAt = 0;
  let ranAt = 0;
  loop.addCallback(() => {
    busy(10);
    armedAt = loop.time();
    loop.callLater(5, () => {
      ranAt = loop.time();
      loop.stop();
    });
  });
  run(loop);
  expect(ranAt - armedAt).toBeGreaterThanOrEqual(5);
});

test("the loop's time is fresh after a long callback", () => {
  using loop = testLoop();
  loop.addCallback(() => {
    const before = loop.time();
    busy(5);
    expect(loop.time() - before).toBeGreaterThanOrEqual(5);
  });
  loop.runOnce(0);
});

test("arguments pass through as they are", () => {
  using loop = testLoop();
  const got: unknown[] = [];
  const keep = (arg: unknown) => got.push(arg);
  const object = {};
  for (const arg of [object, 0, null, false, "", undefined]) loop.callLater(0, keep, arg);
  loop.callAt(0, keep, "callAt");
  loop.addTimeout(0, keep, "addTimeout");
  loop.callLater(0, (...args: unknown[]) => got.push(args.length));
  loop.runOnce(0);
  expect(got.slice(0, 8)).toEqual([object, 0, null, false, "", undefined, "callAt", "addTimeout"]);
  expect(got[0]).toBe(object);
});

describe.each([
  ["nanosecond", "ns"],
  ["millisecond", "ms"],
] as const)("with %s waits", (_name, mode) => {
  const makeLoop = (): IOLoop => withTimeoutMode(mode, testLoop);

  test("no timeout is early, whatever its delay and the way it was added", () => {
    using loop = makeLoop();
    const early = addManyTimeouts(loop);
    run(loop);
    expect(early).toEqual([]);
  });

  test.each([0.1, 3.1])(
    "waits of %d ms last at least that long, the best not much longer",
    (ms) => {
      using loop = makeLoop();
      // Whole milliseconds are late by the rounding too.
      const latest = ms + LATE_MS + (mode === "ms" ? 1.5 : 0.5);
      let best = Number.POSITIVE_INFINITY;
      for (let waits = 0; seeksBest(waits, 20, best, latest); waits++) {
        const waited = timed(() => {
          loop.callLater(ms, () => loop.stop());
          run(loop);
        });
        best = Math.min(best, waited);
      }
      expect(best).toBeGreaterThanOrEqual(ms);
      expect(best).toBeLessThan(latest);
    },
  );

  test("a pending timeout makes the loop sleep, not turn", () => {
    using loop = makeLoop();
    let passes = 0;
    const began = loop.time();
    loop.callLater(10.5, ignore);
    while (loop.time() - began < 10.5) {
      loop.runOnce(100);
      passes++;
    }
    // One pass waits and one runs the timeout; a few more leave room for rounding.
    expect(passes).toBeLessThanOrEqual(4);
  });
});
