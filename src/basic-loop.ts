// A consumer may compile for a library without Disposable, which the declarations name.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  checkEvents,
  checkFd,
  checkFinite,
  checkFunction,
  checkOptions,
  checkTime,
  type FdLike,
  fdOf,
} from "./arguments.ts";
import { bindBrief, bindContext } from "./async-context.ts";
import type { Callback } from "./callback-queue.ts";
import { Core } from "./core.ts";
import { closedError } from "./errors.ts";
import type { StoredHandler } from "./handlers.ts";
import type { LoopMetrics } from "./metrics.ts";
import { type IOLoopOptions, resolveOptions } from "./options.ts";
import { type RunUntilOptions, runUntil } from "./run-until.ts";
import { WallClock } from "./wall-clock.ts";

/** What a handler can be given as `arg`: anything but undefined, which means that there is none. */
export type Arg = NonNullable<unknown> | null;

/** Names a pending timeout. Unique for the life of its loop, intervals included. */
export type TimeoutRef = number;
/** Names a running interval. Unique for the life of its loop, timeouts included. */
export type IntervalRef = number;

/**
 * The engine behind a loop, for what extends it; throws ERR_LOOP_CLOSED once the loop is closed.
 *
 * @internal
 */
export let openCore: (loop: BasicLoop, operation: string) => Core;
/**
 * The same, whether it is closed or not.
 *
 * @internal
 */
export let coreOf: (loop: BasicLoop) => Core;

/** What a loop does by itself: fds, callbacks and timers, and the runs that own the thread. */
export class BasicLoop implements Disposable {
  readonly #core: Core;
  readonly #wallClock = new WallClock();

  static {
    coreOf = (loop) => loop.#core;
    openCore = (loop, operation) => {
      loop.#assertOpen(operation);
      return loop.#core;
    };
  }

  /**
   * Opens the kernel's queue.
   * @throws IOLoopError EMFILE or ENFILE without a free fd; ERR_PLATFORM, ERR_LIBRARY,
   *   ERR_ABI_VERSION or ERR_BUN_VERSION when the native library cannot be used here.
   */
  constructor(options: IOLoopOptions = {}) {
    this.#core = new Core(resolveOptions(options));
  }

  /**
   * Calls `handler(fd, events)` whenever `fd` is ready; `handler(arg, fd, events)` when `arg` is given
   * (anything but undefined). Watched from now on; the first call comes in this iteration's wait or a
   * later one. The handler's `fd` is the very number or object that was registered.
   *
   * Without EDGE or ONESHOT the handler is called as long as the fd is ready (level-triggered). Readiness
   * can be false: keep the fd non-blocking. A mask of 0 registers a paused handler.
   *
   * @param fd A number, or an object with a numeric `fd`; both are one key.
   * @param events READ, WRITE, PRI, ERROR, with EDGE or ONESHOT, combined with `|`.
   * @returns true
   * @throws IOLoopError EEXIST: the fd has a handler, which stays. EBADF: the fd is not open. EPERM: a
   *   regular file or directory, always ready, or on macOS a FIFO with a name. ENOSPC, ENOMEM: a limit of
   *   the kernel.
   * @throws TypeError, RangeError for arguments of the wrong type or value.
   */
  addHandler<F extends FdLike>(
    fd: F,
    events: number,
    handler: (fd: F, events: number) => unknown,
  ): boolean;
  addHandler<F extends FdLike, A extends Arg>(
    fd: F,
    events: number,
    handler: (arg: A, fd: F, events: number) => unknown,
    arg: A,
  ): boolean;
  addHandler(
    fd: FdLike,
    events: number,
    handler: (...args: never[]) => unknown,
    arg?: unknown,
  ): boolean {
    const number = checkFd(fd, this.#core.poller.interface.control);
    const mask = checkEvents(events);
    checkFunction("handler", handler);
    // Not before: the fd's getter may close it.
    this.#assertOpen("addHandler");
    const bound = bindContext(handler) as StoredHandler;
    this.#core.handlers.add(number, fd, mask, bound, arg);
    return true;
  }

  /**
   * Gives a watched fd a new mask, from the next wait on, and arms ONESHOT and EDGE again, also with the
   * same mask. Inside an iteration the kernel is told once, before the wait, and not at all where the
   * mask is back at what it was; if it refuses then, `onError` hears of it with source "update" and the
   * handler is removed.
   *
   * @returns true
   * @throws IOLoopError ENOENT: the fd has no handler. Outside an iteration also what the kernel says;
   *   the old mask then stays.
   */
  updateHandler(fd: FdLike, events: number): boolean {
    const number = checkFd(fd, this.#core.poller.interface.control);
    const mask = checkEvents(events);
    this.#assertOpen("updateHandler");
    this.#core.handlers.update(number, mask);
    return true;
  }

  /**
   * Stops watching. No event for the fd is delivered after this returns, not even from the batch being
   * dispatched. Never throws; fine after the fd was closed, better before. An object is found by its
   * identity where it no longer tells its fd.
   *
   * @returns false when the fd has no handler.
   */
  removeHandler(fd: FdLike): boolean {
    const { handlers } = this.#core;
    const number = fdOf(fd);
    return handlers.remove(number >= 0 ? number : handlers.find(fd));
  }

  /** Runs `callback(arg)` on the next pass over the callbacks, in the order added. */
  addCallback(callback: () => unknown): this;
  addCallback<A>(callback: (arg: A) => unknown, arg: A): this;
  addCallback(callback: Callback, arg?: unknown): this {
    this.#assertOpen("addCallback");
    checkFunction("callback", callback);
    this.#core.addCallback(bindBrief(callback), arg);
    return this;
  }

  /**
   * Runs `func(arg)` once, when the wall clock has reached `timestamp`: epoch milliseconds, as
   * `Date.now()` gives. The moment is fixed now, so later steps of the clock do not move it. Never early;
   * a past timestamp means the next pass. Equal timestamps run in the order added.
   *
   * @throws RangeError when `timestamp` is NaN or infinite.
   */
  addTimeout(timestamp: number, func: () => unknown): TimeoutRef;
  addTimeout<A>(timestamp: number, func: (arg: A) => unknown, arg: A): TimeoutRef;
  addTimeout(timestamp: number, func: Callback, arg?: unknown): TimeoutRef {
    this.#assertOpen("addTimeout");
    checkFinite("timestamp", timestamp);
    return this.#addTimer(notPast(this.#wallClock.toMonotonic(timestamp)), func, arg);
  }

  /** Runs `func(arg)` once, `delayMs` from now; a negative delay means the next pass. Never early. */
  callLater(delayMs: number, func: () => unknown): TimeoutRef;
  callLater<A>(delayMs: number, func: (arg: A) => unknown, arg: A): TimeoutRef;
  callLater(delayMs: number, func: Callback, arg?: unknown): TimeoutRef {
    this.#assertOpen("callLater");
    checkFinite("delayMs", delayMs);
    return this.#addTimer(performance.now() + Math.max(delayMs, 0), func, arg);
  }

  /** Runs `func(arg)` once, when {@link time} has reached `loopTime`. Never early. */
  callAt(loopTime: number, func: () => unknown): TimeoutRef;
  callAt<A>(loopTime: number, func: (arg: A) => unknown, arg: A): TimeoutRef;
  callAt(loopTime: number, func: Callback, arg?: unknown): TimeoutRef {
    this.#assertOpen("callAt");
    checkFinite("loopTime", loopTime);
    return this.#addTimer(notPast(loopTime), func, arg);
  }

  /** Cancels a timeout; false when it has run, was removed, or never was. */
  removeTimeout(ref: TimeoutRef): boolean {
    return this.#core.timeouts.remove(ref);
  }

  /**
   * Runs `func(arg)` every `msec` milliseconds, more than 0, first one period from now. The beats keep
   * their grid: no drift, and after a stall one run, then back on the grid. While a promise that `func`
   * returned is pending, its beats are skipped.
   *
   * @throws RangeError when `msec` is NaN, infinite, 0 or less.
   */
  setInterval(msec: number, func: () => unknown): IntervalRef;
  setInterval<A>(msec: number, func: (arg: A) => unknown, arg: A): IntervalRef;
  setInterval(msec: number, func: Callback, arg?: unknown): IntervalRef {
    this.#assertOpen("setInterval");
    checkFinite("msec", msec);
    if (msec <= 0) throw new RangeError(`msec must be more than 0, not ${msec}`);
    checkFunction("func", func);
    const start = performance.now();
    const interval = { start, period: msec, func: bindContext(func), pending: false };
    return this.#core.addInterval(interval, arg);
  }

  /** Ends an interval, also from inside its own tick; false when it is not running. */
  clearInterval(ref: IntervalRef): boolean {
    return this.#core.intervals.remove(ref);
  }

  /**
   * Runs the loop on this thread until {@link stop} or {@link close}. Bun's own timers, sockets and
   * `fetch` stand still meanwhile; listeners of `process.on("SIGTERM")` and the like are called by the loop.
   *
   * @throws IOLoopError ERR_LOOP_RUNNING inside a running loop of this thread; EBADF, EINVAL when somebody else has
   *   closed the loop's own queue; RangeError on a stack that is nearly full. Throws what `onError` throws; the loop
   *   can be started again, and goes on where it was.
   */
  start(): void {
    this.#assertOpen("start");
    this.#core.run();
  }

  /**
   * One iteration, which waits at most `timeoutMs` (and `maxWait`); 0 never blocks, and less than 0 counts as 0. With
   * 0 it may also be called inside another loop's handler, so that a loop can be watched by its {@link fd}.
   *
   * @returns how many ready fds were served: those of handlers, and the loop's own for signals, children, promises
   *   and streams.
   * @throws IOLoopError ERR_LOOP_RUNNING inside this loop, or inside another when `timeoutMs` is not 0; RangeError
   *   when it is NaN.
   */
  runOnce(timeoutMs = 0): number {
    this.#assertOpen("runOnce");
    return this.#core.runOnce(Math.max(checkTime("timeoutMs", timeoutMs), 0));
  }

  /**
   * Runs the loop on this thread until `work`, a promise or a function that may return one, has settled,
   * without another wait. Only this loop runs: a promise of Bun's own, a fetch, never settles here.
   *
   * @param options.timeout Milliseconds until a DOMException "TimeoutError" is thrown; none by default.
   * @returns what `work` resolved with; throws what it rejected with.
   * @throws IOLoopError ERR_LOOP_STOPPED or ERR_LOOP_CLOSED when that comes first, ERR_LOOP_RUNNING
   *   inside a running loop.
   */
  runUntil<T>(work: PromiseLike<T> | (() => PromiseLike<T> | T), options: RunUntilOptions = {}): T {
    return runUntil(this.#core, work, options);
  }

  /**
   * Ends the run after the current iteration; the rest of the batch is still dispatched. Before a run, be
   * it start, run, runOnce or runUntil, it makes that one a single pass without waiting. The loop can run
   * again.
   */
  stop(): void {
    this.#core.stop();
  }

  /**
   * Clears every handler, timer and callback and frees the kernel's queue; inside a run, the loop ends at
   * once after the current call. The fds themselves stay open. Safe to call twice.
   */
  close(): void {
    this.#core.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Whether a start, run, runOnce or runUntil of this loop is in progress. */
  running(): boolean {
    return this.#core.running;
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** Milliseconds on the loop's monotonic clock since the thread's start, read afresh: `performance.now()`. */
  time(): number {
    return performance.now();
  }

  /**
   * An fd that is readable while handlers of this loop have something to do, for another loop to watch,
   * together with {@link pollTimeout} and `runOnce(0)`. Made at the first read, and the same until the
   * loop is closed; -1 then.
   *
   * @throws IOLoopError EMFILE at the first read.
   */
  get fd(): number {
    return this.#core.closed ? -1 : this.#core.poller.expose();
  }

  /**
   * Milliseconds until a timer or callback of this loop wants to run, or what an error left of a batch: 0
   * now, Infinity never.
   */
  pollTimeout(): number {
    return this.#core.untilNext();
  }

  /** What the kernel's queue is here. */
  get backend(): "epoll" | "kqueue" {
    return this.#core.poller.interface.backend;
  }

  /**
   * What the loop has done so far, also once it is closed. Reading the clock around every call begins with the first call of
   * this, and costs some nanoseconds for each from then on.
   *
   * @param into What an earlier call returned, of any loop: it is filled in anew, and nothing is allocated.
   */
  metrics(into?: LoopMetrics): LoopMetrics {
    if (into !== undefined) checkMetrics(into);
    return this.#core.metrics(into);
  }

  #addTimer(deadline: number, func: Callback, arg: unknown): TimeoutRef {
    checkFunction("func", func);
    return this.#core.addTimeout(deadline, bindBrief(func), arg);
  }

  #assertOpen(operation: string): void {
    if (this.#core.closed) throw closedError(operation);
  }
}

function checkMetrics(into: LoopMetrics): void {
  const example = "what metrics() returned before";
  checkOptions("into", into, example);
  checkOptions("into.lag", into.lag, example);
  checkOptions("into.duration", into.duration, example);
}

/** What is past counts as due now, so that it cannot come before what was added earlier. */
function notPast(deadline: number): number {
  return Math.max(deadline, performance.now());
}
