import { expect, test } from "bun:test";
import fc from "fast-check";
import { WallClock } from "../src/wall-clock.ts";
import { FakeClocks } from "./support-clock.ts";

const HOUR_MS = 3_600_000;

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

test("noise of a millisecond is no step", () => {
  const noise = fc.array(fc.double({ min: -0.99, max: 0.99, noNaN: true }), { maxLength: 50 });
  fc.assert(
    fc.property(noise, (shifts) => {
      using clocks = new FakeClocks();
      const { offset } = clocks;
      const wall = new WallClock();
      const moment = wall.toMonotonic(offset + HOUR_MS);
      for (const shift of shifts) {
        clocks.offset = offset + shift;
        clocks.mono += 7.3;
        expect(wall.toMonotonic(offset + HOUR_MS)).toBe(moment);
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

test("a moment is never before the timestamp, and less than two milliseconds after it", () => {
  const step = fc.double({ min: -1e9, max: 1e9, noNaN: true });
  const delay = fc.integer({ min: 0, max: 1e9 });
  fc.assert(
    fc.property(step, delay, (shift, delayMs) => {
      using clocks = new FakeClocks();
      const wall = new WallClock();
      clocks.offset += shift;
      const timestamp = Date.now() + delayMs;
      const moment = wall.toMonotonic(timestamp);
      // A double holds epoch milliseconds to a quarter of a microsecond.
      expect(moment + clocks.offset - timestamp).toBeGreaterThan(-2.001);
      expect(moment + clocks.offset - timestamp).toBeLessThan(2.001);
      if (Math.abs(shift) <= 3) return;
      expect(moment + clocks.offset - timestamp).toBeGreaterThan(-0.001);
    }),
  );
});

test("its own time has fractions, agrees with Date.now() and follows a step", () => {
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
