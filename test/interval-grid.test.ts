import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Interval, nextBeat } from "../src/interval.ts";

function every(period: number, start: number): Interval {
  return { start, period, func() {}, pending: false };
}

const start = fc.double({ min: 0, max: 1e10, noNaN: true });
const passed = fc.double({ min: 0, max: 1e10, noNaN: true });

test("the next beat is on the grid, after now and at most one period away", () => {
  // Longer than a nanosecond: the clock tells such beats apart.
  const period = fc.double({ min: 0.001, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(start, passed, period, (at, ms, every_) => {
      const now = at + ms;
      const next = nextBeat(every(every_, at), now);
      // What a double of this size cannot hold.
      const grain = next * Number.EPSILON * 2;
      const beats = Math.round((next - at) / every_);
      expect(next).toBeGreaterThan(now);
      expect(next - now).toBeLessThanOrEqual(every_ + grain);
      expect(Math.abs(next - (at + beats * every_))).toBeLessThanOrEqual(grain);
    }),
    { numRuns: 1000 },
  );
});

test("the next beat comes, and after now, however short the period is", () => {
  const period = fc.double({ min: Number.MIN_VALUE, max: 1, noNaN: true });
  fc.assert(
    fc.property(start, passed, period, (at, ms, every_) => {
      const next = nextBeat(every(every_, at), at + ms);
      expect(next).toBeGreaterThan(at + ms);
      expect(next).toBeLessThan(at + ms + 2);
    }),
    { numRuns: 1000 },
  );
});
