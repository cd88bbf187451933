import { leaveContext, look, looking } from "./async-context.ts";
import { type Callback, CallbackQueue } from "./callback-queue.ts";
import { type CallReporting, Calls } from "./calls.ts";
import { Dispatcher, waitMs } from "./dispatcher.ts";
import { IOLoopError } from "./errors.ts";
import type { HandlerTable } from "./handlers.ts";
import { type Interval, nextBeat } from "./interval.ts";
import { type LoopMetrics, Measurements, Metrics } from "./metrics.ts";
import { Poller } from "./poller.ts";
import { TimerHeap } from "./timer-heap.ts";

/** Options with their defaults filled in: times in milliseconds, but for `spin`, in microseconds. */
export interface CoreOptions extends CallReporting {
  readonly maxEvents: number;
  readonly spin: number;
  readonly maxWait: number;
}

/** Whoever turns a loop that does not run by itself. */
export interface Host {
  /** There is something to do that the loop's fds do not tell: called outside its turns. */
  wanted(): void;
}

/** What hears of a loop's blocking runs, and of its end. */
export interface Extension {
  /** Before a run that owns the thread until its end, and after it; `end` must not throw. */
  begin?(): void;
  end?(): void;
  /** After everything was cleared, and before the poller is closed; must not throw. */
  close?(): void;
}

/** Calls of `reserveStack` that must fit on the stack before a run begins: some 20 KB. A single pass cannot hang. */
const RESERVED_FRAMES = 256;

/** The loop that runs on this thread, if one does. */
let current: Core | undefined;

/** The engine: the state of one loop, and its iteration. `IOLoop` is its face. */
export class Core {
  readonly poller: Poller;
  readonly handlers: HandlerTable;
  readonly timeouts = new TimerHeap<Callback>(0);
  readonly intervals = new TimerHeap<Interval>(1);
  readonly callbacks = new CallbackQueue();
  readonly calls: Calls;
  readonly #metrics = new Metrics();
  readonly extensions: Extension[] = [];
  readonly #options: CoreOptions;
  readonly #dispatcher: Dispatcher;

  closed = false;
  stopping = false;
  /** Whether a run owns the thread until its end. */
  blocking = false;
  #iterating = false;
  #host: Host | undefined;
  #done = never;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.calls = new Calls(options, this);
    this.poller = new Poller(options.maxEvents, options.spin);
    this.#dispatcher = new Dispatcher(this.poller, this.calls, this.#metrics);
    this.handlers = this.#dispatcher.handlers;
  }

  /** Has `tell` hear of wakes, in the waiting step before any fd; it must not throw. Set before anybody can wake. */
  set onWoken(tell: () => void) {
    this.#dispatcher.onWoken = tell;
  }

  /** Whether the loop runs by itself or is hosted. */
  get running(): boolean {
    return this.#iterating || this.#host !== undefined;
  }

  /** Asks the host, if there is one, for a turn; within an iteration it comes anyway. */
  wanted(): void {
    if (this.#host !== undefined && !this.#iterating) this.#host.wanted();
  }

  addCallback(callback: Callback, arg: unknown): void {
    this.callbacks.add(callback, arg);
    this.wanted();
  }

  addTimeout(deadline: number, func: Callback, arg: unknown): number {
    const ref = this.timeouts.add(deadline, func, arg);
    this.wanted();
    return ref;
  }

  addInterval(interval: Interval, arg: unknown): number {
    const ref = this.intervals.add(interval.start + interval.period, interval, arg);
    this.wanted();
    return ref;
  }

  /** Ends a run after its current iteration, or makes the next one a single pass. */
  stop(): void {
    this.stopping = true;
    this.wanted();
  }

  /**
   * Iterates until `stopping`, `closed` or `done()`; the last also ends it before a wait. `begin` is
   * called first, within the run.
   */
  run(done: () => boolean = never, begin?: Callback): void {
    this.#assertIdle();
    reserveStack(RESERVED_FRAMES);
    leaveContext();
    const outer = this.#occupy();
    this.#done = done;
    this.blocking = true;
    try {
      for (const extension of this.extensions) extension.begin?.();
      this.calls.drain();
      if (begin !== undefined && !this.closed) this.calls.call(begin, undefined, "callback", 0);
      if (!done()) {
        do this.#iterate(Number.POSITIVE_INFINITY);
        while (!this.stopping && !this.closed && !done());
      }
    } finally {
      this.blocking = false;
      try {
        for (const extension of this.extensions) extension.end?.();
      } finally {
        this.#done = never;
        this.stopping = false;
        // Before any call: one may fail, for want of stack, and the thread must not stay occupied.
        current = outer;
        this.#iterating = false;
        this.#settle();
      }
    }
    // Not where an error is leaving already: a report that throws would take its place.
    this.#dispatcher.reportRefusals();
  }

  /** Lets `host` turn this loop from now on; inside another loop only where that one is hosted too. */
  beHosted(host: Host): void {
    this.#assertIdle(current !== undefined && current.#host !== undefined);
    leaveContext();
    this.#host = host;
  }

  /** Ends that, and whatever `stop` asked for. */
  leaveHost(): void {
    this.#host = undefined;
    this.stopping = false;
  }

  /** One iteration without waiting, for the host; returns how many fd handlers were called. */
  turn(): number {
    // Bun runs the microtasks between any two calls of its own.
    return this.#pass(0, false);
  }

  /** One iteration that waits at most `waitMs`; returns how many fd handlers were called. */
  runOnce(waitMs: number): number {
    this.#assertIdle(waitMs === 0);
    try {
      return this.#pass(waitMs, true);
    } finally {
      this.stopping = false;
    }
  }

  /** Milliseconds until there is something to do beside what fds bring: 0 now, Infinity never. */
  untilNext(): number {
    const forever = Number.POSITIVE_INFINITY;
    return this.closed ? forever : waitMs(this.#nextAt(forever), forever);
  }

  /** Fills in what the loop has done; from the first time on, times are taken. */
  metrics(into?: LoopMetrics): LoopMetrics {
    const metrics = this.#metrics;
    metrics.measured ??= new Measurements(this.#iterating);
    this.calls.durations = metrics.measured.duration;
    return metrics.fill(metrics.measured, this.handlers.registrations.dropped, into);
  }

  /** Clears everything and frees the poller; a run in progress ends after the current call. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#dispatcher.clear();
    this.timeouts.clear();
    this.intervals.clear();
    this.callbacks.clear();
    // A hosted run takes itself out.
    for (const extension of [...this.extensions]) extension.close?.();
    this.poller.close();
  }

  #pass(waitMs: number, drains: boolean): number {
    const outer = this.#occupy();
    let called: number;
    try {
      // Whoever asked for this pass may have had a context; what was added without one has none.
      if ((looking && look()) || drains) this.calls.drain();
      else this.calls.rethrow();
      called = this.#iterate(waitMs === 0 ? 0 : performance.now() + waitMs);
    } finally {
      current = outer;
      this.#iterating = false;
      this.#settle();
    }
    this.#dispatcher.reportRefusals();
    return called;
  }

  /** The five steps, in the order that is the loop's contract. The wait ends at `until`, on `performance.now()`. */
  #iterate(until: number): number {
    this.#metrics.iterations++;
    this.#runTimeouts();
    this.#runIntervals();
    this.#runCallbacks();
    if (this.closed || this.#done()) return 0;
    return this.#pollAndDispatch(until);
  }

  #runTimeouts(): void {
    const { timeouts } = this;
    if (timeouts.size === 0) return;
    const now = performance.now();
    const mark = timeouts.mark;
    while (timeouts.isDue(now, mark)) {
      const func = timeouts.firstValue;
      const arg = timeouts.firstArg;
      const ref = timeouts.firstRef;
      this.#metrics.timerCalled(timeouts.nearest);
      timeouts.removeFirst();
      this.calls.call(func, arg, "timeout", ref);
    }
  }

  #runIntervals(): void {
    const { intervals } = this;
    if (intervals.size === 0) return;
    const now = performance.now();
    const mark = intervals.mark;
    while (intervals.isDue(now, mark)) {
      const interval = intervals.firstValue;
      const arg = intervals.firstArg;
      const ref = intervals.firstRef;
      const beat = intervals.nearest;
      intervals.postponeFirst(nextBeat(interval, now));
      if (interval.pending) continue;
      this.#metrics.timerCalled(beat);
      this.calls.call(interval.func, arg, "interval", ref, interval);
    }
  }

  #runCallbacks(): void {
    const { callbacks } = this;
    callbacks.begin();
    for (let callback = callbacks.take(); callback !== undefined; callback = callbacks.take()) {
      this.#metrics.callbacks++;
      this.calls.call(callback, callbacks.arg, "callback", 0);
    }
  }

  #pollAndDispatch(until: number): number {
    const dispatcher = this.#dispatcher;
    if (!dispatcher.unfinished) {
      dispatcher.prepare();
      if (this.closed || this.#done()) return 0;
      dispatcher.wait(this.stopping ? 0 : this.#nextAt(until), this.#options.maxWait);
    }
    return dispatcher.dispatch();
  }

  /** When a wait must end: `until`, or when the next timer is due; 0 with work queued. */
  #nextAt(until: number): number {
    if (this.callbacks.size > 0 || this.#dispatcher.unfinished) return 0;
    return Math.min(until, this.timeouts.nearest, this.intervals.nearest);
  }

  /** Throws inside a run of this loop, and unless it is `nested`, of another one. */
  #assertIdle(nested = false): void {
    if (!this.running && (current === undefined || nested)) return;
    const hosted = this.#host !== undefined && current === undefined;
    throw new IOLoopError(
      "ERR_LOOP_RUNNING",
      hosted
        ? "this loop is in run() already: stop() it, and await the promise of that run first"
        : "a loop is running on this thread: return to it instead of starting another inside; runOnce(0) of another loop is allowed",
    );
  }

  #occupy(): Core | undefined {
    const outer = current;
    current = this;
    this.#iterating = true;
    this.handlers.registrations.deferring = true;
    this.#metrics.measured?.beginIterating();
    return outer;
  }

  #settle(): void {
    this.#metrics.measured?.endIterating();
    // What an error left of a batch is still to be dispatched, and updates go on waiting for its end.
    const { unfinished } = this.#dispatcher;
    this.handlers.registrations.deferring = unfinished;
    // Whoever watches this loop's fd must see the updates of its last batch.
    if (!this.closed && !unfinished) this.handlers.registrations.flush();
  }
}

/** Has a stack that is nearly full throw now, and not in the middle of a step, after which a run could wait for ever. */
function reserveStack(frames: number): void {
  if (frames > 0) reserveStack(frames - 1);
}

function never(): boolean {
  return false;
}
