/** How a time was spread, in milliseconds. Percentiles are exact to 3 %, and `max` exactly. */
export interface Distribution {
  count: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** What a loop has done. The counts are from its beginning; times from the first time that they were asked for. */
export interface LoopMetrics {
  iterations: number;
  /** Ready fds that were served, those of signals, children, promises and streams included. */
  events: number;
  callbacks: number;
  /** Calls of timeouts and intervals. */
  timers: number;
  /** Events that came for a handler that was no more: removed within the batch, or of a file closed under it. */
  dropped: number;
  /** Milliseconds in the kernel's wait. In `run()` Bun's loop does the waiting, and it is not counted. */
  waitingMs: number;
  /** Milliseconds in iterations, outside of that wait. */
  busyMs: number;
  /** The part of all time that was busy, 0 to 1. */
  utilisation: number;
  /** How late timeouts and intervals were called. */
  lag: Distribution;
  /** How long calls took, of whatever the loop calls, with their microtasks. */
  duration: Distribution;
}

/** 16 buckets for each power of two: their middle is within 3 % of what is in them. */
const MANTISSA_BITS = 4;
/** From 2 ** -14 ms, 61 ns, to 2 ** 22 ms, 70 minutes; what is beyond counts at the ends. */
const EXPONENT_LEAST = -14;
const EXPONENT_MOST = 22;
const BUCKETS = (EXPONENT_MOST - EXPONENT_LEAST) << MANTISSA_BITS;
/** An IEEE 754 double's high word: 20 bits of its mantissa below the exponent, which is kept off by 1023. */
const SHIFT = 20 - MANTISSA_BITS;
const FIRST = (EXPONENT_LEAST + 1023) << MANTISSA_BITS;

/**
 * A log-linear histogram: a bucket is the leading bits of a double, as HdrHistogram does with integers.
 *
 * @internal
 */
export class Histogram {
  readonly #buckets = new Float64Array(BUCKETS);
  readonly #value = new Float64Array(1);
  readonly #words = new Int32Array(this.#value.buffer);
  #count = 0;
  #max = 0;

  record(value: number): void {
    this.#value[0] = value;
    const bucket = ((this.#words[1] as number) >> SHIFT) - FIRST;
    const at = Math.min(Math.max(bucket, 0), BUCKETS - 1);
    this.#buckets[at] = (this.#buckets[at] as number) + 1;
    this.#count++;
    if (value > this.#max) this.#max = value;
  }

  fill(into: Distribution): void {
    into.count = this.#count;
    into.p50 = this.#percentile(0.5);
    into.p90 = this.#percentile(0.9);
    into.p99 = this.#percentile(0.99);
    into.max = this.#max;
  }

  /** The middle of the bucket that holds the value of this rank; 0 without values. */
  #percentile(part: number): number {
    let left = Math.ceil(part * this.#count);
    if (left === 0) return 0;
    let at = 0;
    for (left -= this.#buckets[0] as number; left > 0; left -= this.#buckets[at] as number) at++;
    this.#words[0] = 0;
    this.#words[1] = (FIRST + at) << SHIFT;
    const lower = this.#value[0] as number;
    this.#words[1] = (FIRST + at + 1) << SHIFT;
    return Math.min((lower + (this.#value[0] as number)) / 2, this.#max);
  }
}

/**
 * What is measured once somebody has asked: reading the clock costs as much as decoding an event.
 *
 * @internal
 */
export class Measurements {
  readonly lag = new Histogram();
  readonly duration = new Histogram();
  readonly #since = performance.now();
  #waitingMs = 0;
  #busyMs = 0;
  /** When the current stretch began, of being busy or of waiting; 0 outside of it. */
  #busySince = 0;
  #waitSince = 0;

  /** `iterating`: it is asked for within an iteration. */
  constructor(iterating: boolean) {
    if (iterating) this.#busySince = this.#since;
  }

  beginIterating(): void {
    this.#busySince = performance.now();
  }

  endIterating(): void {
    this.#endBusy(performance.now());
  }

  beginWaiting(): void {
    this.#waitSince = performance.now();
    this.#endBusy(this.#waitSince);
  }

  endWaiting(): void {
    this.#busySince = performance.now();
    this.#waitingMs += this.#busySince - this.#waitSince;
  }

  fill(into: LoopMetrics): void {
    const now = performance.now();
    const elapsedMs = now - this.#since;
    into.waitingMs = this.#waitingMs;
    into.busyMs = this.#busyMs + (this.#busySince === 0 ? 0 : now - this.#busySince);
    into.utilisation = elapsedMs === 0 ? 0 : into.busyMs / elapsedMs;
    this.lag.fill(into.lag);
    this.duration.fill(into.duration);
  }

  #endBusy(now: number): void {
    if (this.#busySince !== 0) this.#busyMs += now - this.#busySince;
    this.#busySince = 0;
  }
}

/**
 * What a loop counts as it goes.
 *
 * @internal
 */
export class Metrics {
  iterations = 0;
  events = 0;
  callbacks = 0;
  timers = 0;
  /** Undefined until somebody asks. */
  measured: Measurements | undefined;

  timerCalled(deadline: number): void {
    this.timers++;
    this.measured?.lag.record(performance.now() - deadline);
  }

  fill(measured: Measurements, dropped: number, into = emptyMetrics()): LoopMetrics {
    into.iterations = this.iterations;
    into.events = this.events;
    into.callbacks = this.callbacks;
    into.timers = this.timers;
    into.dropped = dropped;
    measured.fill(into);
    return into;
  }
}

function emptyMetrics(): LoopMetrics {
  const counts = { iterations: 0, events: 0, callbacks: 0, timers: 0, dropped: 0 };
  const times = { waitingMs: 0, busyMs: 0, utilisation: 0 };
  return { ...counts, ...times, lag: emptyDistribution(), duration: emptyDistribution() };
}

function emptyDistribution(): Distribution {
  return { count: 0, p50: 0, p90: 0, p99: 0, max: 0 };
}
