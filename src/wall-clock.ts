/**
 * `Date.now()` counts whole milliseconds, so an offset taken from it is too small by up to one. What differs
 * by more is a step; a smaller step goes unseen.
 */
const STEP_MS = 1.05;
/** Epoch milliseconds in a double are good to a quarter of a microsecond; a moment must not come before its time. */
const ROUNDING_MS = 0.002;
/** A thread that is interrupted each time keeps the offset that it has. */
const ATTEMPTS = 8;

/**
 * Turns wall-clock time into monotonic time. The offset between the two is kept, so that equal timestamps
 * give equal deadlines whenever they are asked for, and renewed only when the wall clock was stepped:
 * slewing moves both clocks alike.
 */
export class WallClock {
  #offset = performance.timeOrigin;

  /** `performance.now()` at the moment when `Date.now()` reaches `timestamp`, or just after it. */
  toMonotonic(timestamp: number): number {
    return timestamp - this.#current() + ROUNDING_MS;
  }

  /** Epoch milliseconds with fractions. */
  now(): number {
    const offset = this.#current();
    return performance.now() + offset;
  }

  #current(): number {
    const difference = Date.now() - performance.now() - this.#offset;
    if (difference > STEP_MS || difference < -STEP_MS) this.#renew();
    return this.#offset;
  }

  /** Reads both clocks again, without a pause between, before it believes in a step. */
  #renew(): void {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = performance.now();
      const wall = Date.now();
      const after = performance.now();
      if (after - before > STEP_MS - 1) continue;
      const offset = wall - after;
      if (Math.abs(offset - this.#offset) > STEP_MS) this.#offset = offset;
      return;
    }
  }
}
