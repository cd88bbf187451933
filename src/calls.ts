import { drainMicrotasks } from "bun:jsc";
import { look, looking, outside } from "./async-context.ts";
import type { Callback } from "./callback-queue.ts";
import { IOLoopError } from "./errors.ts";
import type { Interval } from "./interval.ts";
import type { Histogram } from "./metrics.ts";

/**
 * What ran when something went wrong or took long, and which one: a handler's fd; a timer's ref, a signal's
 * number, a child's pid, the waker id of a waker or port.
 */
export type CallContext =
  | { readonly source: "handler" | "update"; readonly fd: number; readonly ref?: undefined }
  | {
      readonly source: "timeout" | "interval" | "signal" | "child" | "waker" | "port";
      readonly ref: number;
      readonly fd?: undefined;
    }
  | { readonly source: "callback"; readonly fd?: undefined; readonly ref?: undefined };

type Source = CallContext["source"];

/**
 * Who hears of what goes wrong or takes long.
 *
 * @internal
 */
export interface CallReporting {
  readonly onError: (error: unknown, context: CallContext) => void;
  /** Milliseconds; Infinity: calls are not timed. */
  readonly slowCallback: number;
  readonly onSlow: (durationMs: number, context: CallContext) => void;
}

/** The loop whose calls they are. */
interface CallingLoop {
  readonly closed: boolean;
  /** Whether there is a run that an error can leave. */
  readonly running: boolean;
  /** Asks for an iteration. */
  wanted(): void;
}

/**
 * How a loop calls its user's code: with its microtasks after it, its errors reported, its time taken.
 *
 * @internal
 */
export class Calls {
  readonly #reporting: CallReporting;
  readonly #seekingSlow: boolean;
  readonly #loop: CallingLoop;
  /** Errors of `onError` itself, thrown where they could not leave the run: each does at the next chance. */
  readonly #escaped: unknown[] = [];

  /** Where the time of every call is recorded; undefined: it is not. */
  durations: Histogram | undefined;

  constructor(reporting: CallReporting, loop: CallingLoop) {
    this.#reporting = reporting;
    this.#seekingSlow = reporting.slowCallback !== Number.POSITIVE_INFINITY;
    this.#loop = loop;
  }

  /** Runs a callback, timeout or interval; what it throws or rejects with is reported. */
  call(func: Callback, arg: unknown, source: Source, id: number, interval?: Interval): void {
    const began = this.begin();
    try {
      const result = outside === undefined ? func(arg) : outside(func, arg);
      this.follow(result, source, id, interval);
    } catch (error) {
      this.report(error, source, id);
    }
    this.settle(began, source, id);
  }

  /** The same within another call: what `onError` throws leaves the run after that one. */
  callWithin(func: Callback, arg: unknown, source: Source, id: number): void {
    try {
      this.call(func, arg, source, id);
    } catch (error) {
      this.#escaped.push(error);
    }
  }

  /** Before a call: the time, where it is taken. */
  begin(): number {
    return this.#seekingSlow || this.durations !== undefined ? performance.now() : 0;
  }

  /** Where a call returned a promise, waits for it to settle; an interval skips its beats until then. */
  follow(result: unknown, source: Source, id: number, interval?: Interval): void {
    if (isThenable(result)) this.#followPromise(result, source, id, interval);
  }

  // Apart: what its closures hold is allocated whenever it begins, though few calls return a promise.
  #followPromise(
    result: PromiseLike<unknown>,
    source: Source,
    id: number,
    interval: Interval | undefined,
  ): void {
    const fulfilled = (): void => {
      if (interval !== undefined) interval.pending = false;
    };
    const rejected = (error: unknown): void => {
      fulfilled();
      // What waited for this loop hears of its end from whoever has closed it.
      if (this.#loop.closed && isClosedError(error)) return;
      try {
        this.report(error, source, id);
      } catch (thrown) {
        // Out of a run it goes the way of every unhandled rejection.
        if (!this.#loop.running) throw thrown;
        this.#escaped.push(thrown);
        this.#loop.wanted();
      }
    };
    if (interval !== undefined) interval.pending = true;
    // A thenable of somebody's own may settle at once, or throw: a real promise does neither.
    Promise.resolve(result).then(fulfilled, rejected);
  }

  /** After a call: its microtasks, then whether it was slow. */
  settle(began: number, source: Source, id: number): void {
    // A context that the call has entered is not the next one's.
    if (looking) look();
    this.drain();
    if (began === 0) return;
    const durationMs = performance.now() - began;
    this.durations?.record(durationMs);
    if (durationMs >= this.#reporting.slowCallback) {
      this.#reporting.onSlow(durationMs, contextOf(source, id));
    }
  }

  /** Runs the microtasks that are due. */
  drain(): void {
    drainMicrotasks();
    this.rethrow();
  }

  /** Throws what could not leave the run before. */
  rethrow(): void {
    if (this.#escaped.length > 0) throw this.#escaped.shift();
  }

  report(error: unknown, source: Source, id: number): void {
    this.#reporting.onError(error, contextOf(source, id));
  }
}

function contextOf(source: Source, id: number): CallContext {
  if (source === "callback") return { source };
  return source === "handler" || source === "update" ? { source, fd: id } : { source, ref: id };
}

function isClosedError(error: unknown): boolean {
  return error instanceof IOLoopError && error.code === "ERR_LOOP_CLOSED";
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}
