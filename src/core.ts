import { RECORD_FD, RECORD_WORD, RECORD_WORDS } from "./abi.ts";
import { leaveContext, look, looking } from "./async-context.ts";
import { type Callback, CallbackQueue } from "./callback-queue.ts";
import { type CallReporting, Calls } from "./calls.ts";
import { IOLoopError } from "./errors.ts";
import { HandlerTable } from "./handlers.ts";
import { type Interval, nextBeat } from "./interval.ts";
import { type LoopMetrics, Measurements, Metrics } from "./metrics.ts";
import { INTERRUPTED, Poller } from "./poller.ts";
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
  /** Who hears of wakes, in the waiting step before any fd; must not throw. */
  onWoken: (() => void) | undefined;

  /** The batch being dispatched; what an exception left of it comes first in the next iteration. */
  #next = 0;
  #ready = 0;

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
    this.handlers = new HandlerTable(this.poller);
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
    leaveContext();
    const outer = this.#occupy();
    this.#done = done;
    this.blocking = true;
    try {
      for (const extension of this.extensions) extension.begin?.();
      this.calls.drain();
      if (begin !== undefined) this.calls.call(begin, undefined, "callback", 0);
      if (!done()) {
        do this.#iterate(Number.POSITIVE_INFINITY);
        while (!this.stopping && !this.closed && !done());
      }
    } finally {
      this.blocking = false;
      for (const extension of this.extensions) extension.end?.();
      this.#done = never;
      this.stopping = false;
      this.#release(outer);
    }
    // Not where an error is leaving already: a report that throws would take its place.
    this.#reportRefusals();
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
    return this.closed ? forever : this.#waitMs(forever, forever);
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
    this.handlers.clear();
    this.timeouts.clear();
    this.intervals.clear();
    this.callbacks.clear();
    this.#ready = 0;
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
      this.#release(outer);
    }
    this.#reportRefusals();
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

  // The hot path: no allocation per event from here to the user's handler.
  #pollAndDispatch(until: number): number {
    const { poller, handlers, calls } = this;
    const { registrations } = handlers;
    const { records } = poller;
    if (this.#next === this.#ready) {
      // A report may update handlers, which comes before the wait, or end the run.
      do registrations.flush();
      while (this.#reportRefusals());
      if (this.closed || this.#done()) return 0;
      this.#next = 0;
      this.#ready = 0;
      this.#ready = this.#wait(this.stopping ? 0 : until);
      if (poller.woken) this.#tellWoken();
    }
    let called = 0;
    while (this.#next < this.#ready) {
      const at = this.#next++ * RECORD_WORDS;
      const fd = records[at + RECORD_FD] as number;
      const record = records[at + RECORD_WORD] as number;
      const events = registrations.deliverable(fd, record);
      if (events === 0) continue;
      called++;
      this.#metrics.events++;
      const began = calls.begin();
      try {
        calls.follow(handlers.call(fd, events), "handler", fd);
      } catch (error) {
        // It would be called again at once, for ever; a handler that re-added its fd is another one.
        if (registrations.isCurrent(fd, record)) handlers.remove(fd);
        calls.report(error, "handler", fd);
      }
      calls.settle(began, "handler", fd);
    }
    return called;
  }

  #tellWoken(): void {
    this.onWoken?.();
    this.calls.drain();
  }

  /** Waits until `until`, the next timer or `maxWait`; a signal that interrupts it takes nothing from it. */
  #wait(until: number): number {
    this.#metrics.measured?.beginWaiting();
    const { maxWait } = this.#options;
    let ready = this.poller.wait(this.#waitMs(until, maxWait));
    if (ready === INTERRUPTED) {
      const end = Math.min(until, performance.now() + maxWait);
      do ready = this.poller.wait(this.#waitMs(end, maxWait));
      while (ready === INTERRUPTED);
    }
    this.#metrics.measured?.endWaiting();
    return ready;
  }

  /** How long a wait may last: to the next timer or `until`, at most `mostMs`, and not at all with work queued. */
  #waitMs(until: number, mostMs: number): number {
    if (until === 0 || this.callbacks.size > 0 || this.#next < this.#ready) return 0;
    const end = Math.min(until, this.timeouts.nearest, this.intervals.nearest);
    if (end === Number.POSITIVE_INFINITY) return mostMs;
    return Math.min(Math.max(end - performance.now(), 0), mostMs);
  }

  /** Reports each refusal, as a call of its own; one that throws leaves the others to the next chance. */
  #reportRefusals(): boolean {
    const { handlers } = this;
    let reported = false;
    for (let error = handlers.takeRefusal(); error !== undefined; error = handlers.takeRefusal()) {
      reported = true;
      this.calls.report(error, "update", error.fd ?? -1);
      this.calls.drain();
    }
    return reported;
  }

  /** Throws inside a run of this loop, and unless it is `nested`, of another one. */
  #assertIdle(nested = false): void {
    if (!this.running && (current === undefined || nested)) return;
    throw new IOLoopError(
      "ERR_LOOP_RUNNING",
      "a loop is running on this thread: return to it instead of starting another inside; runOnce(0) of another loop is allowed",
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

  #release(outer: Core | undefined): void {
    current = outer;
    this.#iterating = false;
    this.#metrics.measured?.endIterating();
    // What an error left of a batch is still to be dispatched, and updates go on waiting for its end.
    const unfinished = this.#next < this.#ready;
    this.handlers.registrations.deferring = unfinished;
    // Whoever watches this loop's fd must see the updates of its last batch.
    if (!this.closed && !unfinished) this.handlers.registrations.flush();
  }
}

function never(): boolean {
  return false;
}
