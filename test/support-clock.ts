import { type Mock, spyOn } from "bun:test";
import type { IOLoop } from "../src/index.ts";

export const HOUR_MS = 3_600_000;

/** Both clocks, standing still until a test moves them. Dispose of it with `using`. */
export class FakeClocks implements Disposable {
  readonly #spies: Mock<() => number>[];
  /** What `performance.now()` gives. */
  mono: number;
  /** Wall clock minus monotonic clock, in truth; `Date.now()` gives its sum with `mono`, whole milliseconds. */
  offset: number;
  /** How far time goes on at each reading of a clock; the last one stays in force. */
  pauses: number[] = [0];

  constructor(mono = 1000) {
    this.mono = mono;
    this.offset = performance.timeOrigin;
    this.#spies = [
      spyOn(performance, "now").mockImplementation(() => this.#read()),
      spyOn(Date, "now").mockImplementation(() => Math.floor(this.#read() + this.offset)),
    ];
  }

  #read(): number {
    this.mono += (this.pauses.length > 1 ? this.pauses.shift() : this.pauses[0]) ?? 0;
    return this.mono;
  }

  [Symbol.dispose](): void {
    for (const spy of this.#spies) spy.mockRestore();
  }
}

/** Runs `passes` single passes, each of them 10 ms after the one before. */
export function beat(loop: IOLoop, clocks: FakeClocks, passes: number): void {
  for (let pass = 0; pass < passes; pass++) {
    clocks.mono += 10;
    loop.runOnce(0);
  }
}

/** The real wall clock, moved by `shift` milliseconds. Dispose of it with `using`. */
export class MovedWallClock implements Disposable {
  shift = 0;
  readonly #spy: Mock<() => number>;

  constructor() {
    const real = Date.now;
    this.#spy = spyOn(Date, "now").mockImplementation(() => real() + this.shift);
  }

  [Symbol.dispose](): void {
    this.#spy.mockRestore();
  }
}

/** Holds the thread, as work does. */
export function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
