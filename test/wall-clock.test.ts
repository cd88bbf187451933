import { expect, test } from "bun:test";
import fc from "fast-check";
import { WallClock } from "../src/wall-clock.ts";
import { FakeClocks, HOUR_MS } from "./support-clock.ts";

test("a clock that runs evenly gives one moment for one timestamp, however often it is asked", () => {
  const steps = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 50 });
  fc.assert(
    fc.property(steps, (times) => {
      using clocks = new FakeClocks();
      const wall = new WallClock();
      const timestamp = Date.now() + HOUR_MS;
      const moment = wall.toMonotonic(timestamp);
      for (const time of times) {
        clocks.mono += time;
        expect(wall.toMonotonic(timestamp)).toBe(moment);
      }
    }),
  );
});

test("what whole milliseconds and a reading's own time explain is no step", () => {
  const times = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 50 });
  const noise = fc.double({ min: -0.04, max: 0.04, noNaN: true });
  fc.assert(
    fc.property(times, noise, (steps, shift) => {
      using clocks = new FakeClocks();
      const wall = new WallClock();
      const timestamp = clocks.offset + HOUR_MS;
      const moment = wall.toMonotonic(timestamp);
      clocks.offset += shift;
      for (const step of steps) {
        clocks.mono += step;
        expect(wall.toMonotonic(timestamp)).toBe(moment);
      }
    }),
  );
});

test.each([HOUR_MS, -HOUR_MS, 10, -10])("a step of %d ms renews the offset", (step) => {
  using clocks = new FakeClocks();
  const wall = new WallClock();
  const timestamp = clocks.offset + 50_000;
  const before = wall.toMonotonic(timestamp);
  clocks.offset += step;
  clocks.mono += 0.5;
  const after = wall.toMonotonic(timestamp);
  // Date.now() leaves out up to a millisecond, so the new moment can be late by that, and is never early.
  expect(after - before + step).toBeGreaterThanOrEqual(-0.001);
  expect(after - before + step).toBeLessThanOrEqual(1.001);
  expect(wall.toMonotonic(timestamp)).toBe(after);
});

test("steps there and back again are both seen", () => {
  using clocks = new FakeClocks();
  const wall = new WallClock();
  const timestamp = clocks.offset + 50_000;
  const before = wall.toMonotonic(timestamp);
  clocks.offset += HOUR_MS;
  expect(Math.abs(wall.toMonotonic(timestamp) - (before - HOUR_MS))).toBeLessThan(1.001);
  clocks.offset -= HOUR_MS;
  expect(Math.abs(wall.toMonotonic(timestamp) - before)).toBeLessThan(1.001);
});

test("a thread that is interrupted between the two clocks sees no step", () => {
  using clocks = new FakeClocks();
  const wall = new WallClock();
  const timestamp = clocks.offset + 50_000;
  const moment = wall.toMonotonic(timestamp);
  for (let reading = 0; reading < 6; reading++) {
    clocks.pauses = [...new Array<number>(reading).fill(0), 50, 0];
    expect(wall.toMonotonic(timestamp)).toBe(moment);
  }
});

test("a thread that is interrupted at each reading keeps the offset that it has", () => {
  using clocks = new FakeClocks();
  const wall = new WallClock();
  const timestamp = clocks.offset + 50_000;
  const moment = wall.toMonotonic(timestamp);
  clocks.pauses = [5];
  expect(wall.toMonotonic(timestamp)).toBe(moment);
});

test("a step is seen through an interruption", () => {
  using clocks = new FakeClocks();
  const wall = new WallClock();
  const timestamp = clocks.offset + 2 * HOUR_MS;
  const before = wall.toMonotonic(timestamp);
  clocks.offset += HOUR_MS;
  clocks.pauses = [0, 0, 0, 20, 20, 0];
  expect(Math.abs(wall.toMonotonic(timestamp) - (before - HOUR_MS))).toBeLessThan(1.001);
});

test("a moment is less than a millisecond off an unseen step, and else never early", () => {
  const step = fc.oneof(
    fc.double({ min: -3, max: 3, noNaN: true }),
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  );
  const delay = fc.integer({ min: 0, max: 1e9 });
  fc.assert(
    fc.property(step, delay, (shift, delayMs) => {
      using clocks = new FakeClocks();
      const wall = new WallClock();
      clocks.offset += shift;
      const timestamp = Date.now() + delayMs;
      const late = wall.toMonotonic(timestamp) + clocks.offset - timestamp;
      // A double holds epoch milliseconds to a quarter of a microsecond. The clock's own fraction hides a
      // step forward a millisecond longer than one back.
      expect(late).toBeGreaterThan(-1.051);
      expect(late).toBeLessThan(2.051);
      if (shift < -1.06) expect(late).toBeGreaterThan(-0.001);
    }),
  );
});

test("now() has fractions, agrees with Date.now() and follows a step", () => {
  using clocks = new FakeClocks(1000.25);
  const wall = new WallClock();
  for (const step of [0, HOUR_MS, -HOUR_MS]) {
    clocks.offset += step;
    expect(Math.abs(wall.now() - Date.now())).toBeLessThan(1.001);
  }
  const before = wall.now();
  clocks.mono += 0.5;
  expect(wall.now() - before).toBeCloseTo(0.5, 2);
});
