import { checkFinite, type FdLike, show } from "./arguments.ts";
import type { Arg, IntervalRef, TimeoutRef } from "./basic-loop.ts";
import { IOLoopError } from "./errors.ts";
import { ERROR, PRI, READ, WRITE } from "./events.ts";
import { IOLoop, instance } from "./ioloop.ts";
import type { SignalLike } from "./signals.ts";
import { WallClock } from "./wall-clock.ts";

/** Epoch milliseconds have been above this since 2001; no machine is up for 31 years. */
const EPOCH_LEAST = 1e12;

const wallClock = new WallClock();
const wrappers = new WeakMap<IOLoop, TurboIOLoop>();

/**
 * Turbo.lua's IOLoop, under its documented names, over the same loop: each method is `IOLoop`'s, and
 * where Turbo answers false so does this, with a notice on standard error.
 */
export class TurboIOLoop {
  readonly #loop: IOLoop;

  constructor(loop: IOLoop = new IOLoop()) {
    if (!(loop instanceof IOLoop)) throw new TypeError(`loop must be an IOLoop, not ${show(loop)}`);
    this.#loop = loop;
  }

  /** Calls `handler(fd, events)`, or `handler(arg, fd, events)`, when `fd` is ready. False when it cannot be watched. */
  add_handler<F extends FdLike>(
    fd: F,
    events: number,
    handler: (fd: F, events: number) => unknown,
  ): boolean;
  add_handler<F extends FdLike, A extends Arg>(
    fd: F,
    events: number,
    handler: (arg: A, fd: F, events: number) => unknown,
    arg: A,
  ): boolean;
  add_handler<F extends FdLike, A extends Arg>(
    fd: F,
    events: number,
    handler: (...args: never[]) => unknown,
    arg?: A,
  ): boolean {
    const call = handler as (arg: A, fd: F, events: number) => unknown;
    return answer("add_handler", () => this.#loop.addHandler(fd, events, call, arg as A));
  }

  /** Gives a watched fd a new mask. False when it has no handler. */
  update_handler(fd: FdLike, events: number): boolean {
    return answer("update_handler", () => this.#loop.updateHandler(fd, events));
  }

  /** Stops watching. False when the fd has no handler. */
  remove_handler(fd: FdLike): boolean {
    return this.#loop.removeHandler(fd);
  }

  /** Runs `callback(arg)` on the next iteration; returns the loop. */
  add_callback(callback: () => unknown): this;
  add_callback<A>(callback: (arg: A) => unknown, arg: A): this;
  add_callback<A>(callback: (arg: A) => unknown, arg?: A): this {
    this.#loop.addCallback(callback, arg as A);
    return this;
  }

  /**
   * Runs `func(arg)` at `timestamp`, in milliseconds: a wall-clock time from {@link util.gettimeofday}, or
   * a monotonic one from {@link util.gettimemonotonic}; they are told apart by size.
   */
  add_timeout(timestamp: number, func: () => unknown): TimeoutRef;
  add_timeout<A>(timestamp: number, func: (arg: A) => unknown, arg: A): TimeoutRef;
  add_timeout<A>(timestamp: number, func: (arg: A) => unknown, arg?: A): TimeoutRef {
    checkFinite("timestamp", timestamp);
    return timestamp > EPOCH_LEAST
      ? this.#loop.addTimeout(timestamp, func, arg as A)
      : this.#loop.callAt(timestamp, func, arg as A);
  }

  /** Cancels a timeout; false when it is not pending. */
  remove_timeout(ref: TimeoutRef): boolean {
    return this.#loop.removeTimeout(ref);
  }

  /** Runs `func(arg)` every `msec` milliseconds. */
  set_interval(msec: number, func: () => unknown): IntervalRef;
  set_interval<A>(msec: number, func: (arg: A) => unknown, arg: A): IntervalRef;
  set_interval<A>(msec: number, func: (arg: A) => unknown, arg?: A): IntervalRef {
    return this.#loop.setInterval(msec, func, arg as A);
  }

  /** Ends an interval; false when it is not running. */
  clear_interval(ref: IntervalRef): boolean {
    return this.#loop.clearInterval(ref);
  }

  /** Calls `handler(signo)`, or `handler(arg, signo)`, at each signal. False when it cannot be handled. */
  add_signal_handler(signal: SignalLike, handler: (signo: number) => unknown): boolean;
  add_signal_handler<A extends Arg>(
    signal: SignalLike,
    handler: (arg: A, signo: number) => unknown,
    arg: A,
  ): boolean;
  add_signal_handler<A extends Arg>(
    signal: SignalLike,
    handler: (...args: never[]) => unknown,
    arg?: A,
  ): boolean {
    const call = handler as (arg: A, signo: number) => unknown;
    return answer("add_signal_handler", () => this.#loop.addSignalHandler(signal, call, arg as A));
  }

  /** Ends that. False when the signal has no handler. */
  remove_signal_handler(signal: SignalLike): boolean {
    return this.#loop.removeSignalHandler(signal);
  }

  /** Runs the loop on this thread until {@link close} or {@link stop}. */
  start(): void {
    this.#loop.start();
  }

  /** Ends the run after the current iteration; the loop can start again. */
  stop(): void {
    this.#loop.stop();
  }

  /** Ends the loop and clears all pending callbacks and handlers. */
  close(): void {
    this.#loop.close();
  }

  /** Whether the loop is running. */
  running(): boolean {
    return this.#loop.running();
  }
}

/** The `turbo.ioloop` namespace. */
export const ioloop = {
  /** The thread's global loop, the same as `IOLoop.instance()`; the same object at every call. */
  instance(): TurboIOLoop {
    const loop = instance();
    let wrapper = wrappers.get(loop);
    if (wrapper === undefined) {
      wrapper = new TurboIOLoop(loop);
      wrappers.set(loop, wrapper);
    }
    return wrapper;
  },
  /** Makes a new loop, with `new` or without. */
  IOLoop: makeLoop as { (): TurboIOLoop; new (): TurboIOLoop },
  READ,
  WRITE,
  PRI,
  ERROR,
} as const;

/** The clocks of `turbo.util`. */
export const util = {
  /** Wall-clock time in epoch milliseconds, with fractions. */
  gettimeofday(): number {
    return wallClock.now();
  },
  /** Monotonic time in milliseconds since this thread's start, with fractions; steps of the wall clock do not touch it. */
  gettimemonotonic(): number {
    return performance.now();
  },
} as const;

function makeLoop(): TurboIOLoop {
  return new TurboIOLoop();
}

function answer(name: string, attempt: () => boolean): boolean {
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof IOLoopError)) throw error;
    const message = error.message.replace(/(add|update|remove)Handler/g, "$1_handler");
    console.error(`bun-ioloop: notice: ${name}: ${message}`);
    return false;
  }
}
