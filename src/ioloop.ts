import { checkEvents, checkFd, checkFinite, checkFunction, type FdLike } from "./arguments.ts";
import { Awaitables, checkWait, type WaitOptions } from "./awaitables.ts";
import { type Arg, BasicLoop, coreOf, openCore } from "./basic-loop.ts";
import type { Callback } from "./callback-queue.ts";
import { Children, type ExitStatus } from "./children.ts";
import { HostedRun } from "./hosted.ts";
import type { IOLoopOptions } from "./options.ts";
import { type MessagePortLike, Ports } from "./ports.ts";
import { type SignalLike, Signals } from "./signals.ts";
import { type Waker, Wakers } from "./wakers.ts";

let shared: IOLoop | undefined;

/**
 * The global loop of this thread, made at the first call. Each Worker has its own. Once it is closed, the
 * next call makes a fresh one.
 */
export function instance(): IOLoop {
  if (shared === undefined || shared.closed) shared = new IOLoop();
  return shared;
}

/**
 * An I/O loop: handlers on file descriptors, callbacks, timeouts and intervals. One iteration runs, in
 * this order, due timeouts, due intervals, queued callbacks, then waits for ready fds and runs their
 * handlers. What is added while a step runs belongs to the next pass of that step. Microtasks and
 * `process.nextTick` run after each call, and each call sees the AsyncLocalStorage of the place where it was added.
 *
 * A loop belongs to the thread that made it. All times are milliseconds, fractions allowed, on the
 * monotonic clock of {@link time} unless said otherwise. Every method that adds or runs throws
 * IOLoopError ERR_LOOP_CLOSED once the loop is closed, or rejects with it; those that remove return false.
 */
export class IOLoop extends BasicLoop {
  readonly #awaitables: Awaitables;
  readonly #wakers: Wakers;
  readonly #ports: Ports;
  readonly #signals: Signals;
  readonly #children: Children;
  #hosted: HostedRun | undefined;
  #kept = true;

  /** {@link instance}, as a static. */
  static instance(): IOLoop {
    return instance();
  }

  /**
   * Opens the kernel's queue.
   * @throws IOLoopError EMFILE or ENFILE without a free fd; ERR_PLATFORM, ERR_LIBRARY,
   *   ERR_ABI_VERSION or ERR_BUN_VERSION when the native library cannot be used here.
   */
  constructor(options: IOLoopOptions = {}) {
    super(options);
    const core = coreOf(this);
    this.#awaitables = new Awaitables(core);
    this.#wakers = new Wakers(core);
    this.#ports = new Ports(core, this.#wakers);
    this.#signals = new Signals(core);
    this.#children = new Children(core);
  }

  /**
   * Runs the loop hosted by Bun's: the same iteration, order and errors as {@link start}, one batch of events at each
   * turn of Bun's loop, beside `fetch`, `Bun.serve` and Bun's timers. Several loops may be hosted on a thread.
   *
   * @returns a promise that resolves after {@link stop} or {@link close}, and rejects with what `onError` throws;
   *   the loop can run again, and goes on where it was.
   * @throws (rejects) IOLoopError ERR_LOOP_RUNNING inside a run of this loop, or inside another that owns
   *   the thread; EMFILE, EAGAIN where five fds or a thread cannot be had; ERR_BRIDGE_LOST when somebody else has
   *   closed the socket by which Bun hears of the loop.
   */
  async run(): Promise<void> {
    const hosted = new HostedRun(openCore(this, "run"), this.#kept);
    this.#hosted = hosted;
    await hosted.ended;
  }

  /** Has {@link run} keep the process alive until it ends, as it does by default; also before and during a run. */
  ref(): this {
    return this.#keep(true);
  }

  /** Lets the process end though {@link run} has not. */
  unref(): this {
    return this.#keep(false);
  }

  /**
   * Resolves once `fd` can be read, or has failed or hung up, with the events as a handler gets them. Works in every kind
   * of run; together with {@link writable} of the same fd. Nothing stays registered once it has settled.
   *
   * @throws (rejects) a DOMException "TimeoutError", the signal's reason; IOLoopError EEXIST when the fd
   *   has a handler or is awaited for this already, ECANCELED after removeHandler(fd), ERR_LOOP_CLOSED; EBADF, EPERM
   *   as addHandler. An fd that is closed while it is awaited tells nothing: remove it first.
   */
  async readable(fd: FdLike, options: WaitOptions = {}): Promise<number> {
    return this.#awaitables.ready(this.#checkFd("readable", fd), "readable", options);
  }

  /** Resolves once `fd` can be written, or has failed or hung up; otherwise as {@link readable}. */
  async writable(fd: FdLike, options: WaitOptions = {}): Promise<number> {
    return this.#awaitables.ready(this.#checkFd("writable", fd), "writable", options);
  }

  /**
   * Resolves after `ms`, never early; 0 or less means the next pass.
   * @throws (rejects) the signal's reason, or IOLoopError ERR_LOOP_CLOSED.
   */
  async sleep(ms: number, options: Pick<WaitOptions, "signal"> = {}): Promise<void> {
    openCore(this, "sleep");
    return this.#awaitables.sleep(checkFinite("ms", ms), options);
  }

  /**
   * The events of `fd`, for `for await`. The fd is watched only while the next ones are asked for, but with EDGE all
   * the time, so that nothing is lost. Leaving the loop over them removes the fd, as does an abort, which throws
   * the signal's reason there.
   *
   * @throws IOLoopError as addHandler, at the call. ECANCELED and ERR_LOOP_CLOSED come to the consumer.
   */
  events(
    fd: FdLike,
    mask: number,
    options: Pick<WaitOptions, "signal"> = {},
  ): AsyncIterableIterator<number> {
    const number = this.#checkFd("events", fd);
    const { signal } = checkWait(options);
    return this.#awaitables.events(number, checkEvents(mask), signal);
  }

  /**
   * Calls `handler(signo)`, or `handler(arg, signo)`, on the loop's thread for each time the signal is delivered to the
   * process, also in the middle of a wait. A second handler of this loop takes the first one's place; other loops, in
   * Workers too, and listeners of `process.on` hear of it as well.
   *
   * @param signal "SIGTERM", or its number.
   * @returns true
   * @throws IOLoopError EINVAL for SIGKILL and SIGSTOP, for those that tell of a fault in the program, and for what Bun
   *   uses itself (SIGCHLD, SIGPWR); ENOSPC when 256 loops of the process have handlers; EMFILE; RangeError for what
   *   is no signal here.
   */
  addSignalHandler(signal: SignalLike, handler: (signo: number) => unknown): boolean;
  addSignalHandler<A extends Arg>(
    signal: SignalLike,
    handler: (arg: A, signo: number) => unknown,
    arg: A,
  ): boolean;
  addSignalHandler(
    signal: SignalLike,
    handler: (...args: never[]) => unknown,
    arg?: unknown,
  ): boolean {
    openCore(this, "addSignalHandler");
    checkFunction("handler", handler);
    this.#signals.add(signal, handler, arg);
    return true;
  }

  /**
   * Ends that. With the last loop's handler the signal does again what it did before.
   * @returns false when this loop has no handler for it.
   */
  removeSignalHandler(signal: SignalLike): boolean {
    return this.#signals.remove(signal);
  }

  /**
   * Calls `handler(pid, status)`, or `handler(arg, pid, status)`, once, when the process has ended: any one, whoever
   * started it. It is left to its parent to reap. `status` is undefined where the kernel does not tell it: before Linux
   * 6.15 for a process that this one did not start.
   *
   * @returns true
   * @throws IOLoopError ESRCH: no such process, or it was reaped already; EEXIST: it has a handler; EMFILE; ENOSYS before Linux 5.3.
   */
  addChildHandler(
    pid: number,
    handler: (pid: number, status: ExitStatus | undefined) => unknown,
  ): boolean;
  addChildHandler<A extends Arg>(
    pid: number,
    handler: (arg: A, pid: number, status: ExitStatus | undefined) => unknown,
    arg: A,
  ): boolean;
  addChildHandler(pid: number, handler: (...args: never[]) => unknown, arg?: unknown): boolean {
    openCore(this, "addChildHandler");
    checkFunction("handler", handler);
    this.#children.add(pid, handler, arg);
    return true;
  }

  /** Ends that; false when the process has no handler here, or it was called. */
  removeChildHandler(pid: number): boolean {
    return this.#children.remove(pid);
  }

  /**
   * Opens a way to end this loop's wait from any thread: its `id` can be posted to other Workers, for `wake(id)`. The
   * `callback` runs on this thread, once for all wakes that came since it last ran, before the fds of that iteration.
   *
   * @throws IOLoopError ENOSPC when the process has 16,384 wakers.
   */
  waker(callback?: () => unknown): Waker {
    openCore(this, "waker");
    if (callback !== undefined) checkFunction("callback", callback);
    return this.#wakers.open(callback as Callback | undefined);
  }

  /**
   * Calls `handler(data)` for each message of a MessagePort, in order, in every kind of run. A port that other
   * code listens to loses messages to it. A port that closes is removed, but not while {@link start} blocks.
   *
   * @returns a waker's id: while {@link start} blocks, a sender that follows `postMessage` with `wake(id)` is heard at
   *   once, and one that does not within 100 ms.
   * @throws IOLoopError EEXIST: the port has a handler here; ENOSPC as {@link waker}; TypeError for what is no
   *   MessagePort.
   */
  addPort(port: MessagePortLike, handler: (data: unknown) => unknown): number {
    openCore(this, "addPort");
    checkFunction("handler", handler);
    return this.#ports.add(port, handler);
  }

  /** Stops listening; the port stays open. False when it has no handler here. */
  removePort(port: MessagePortLike): boolean {
    return this.#ports.remove(port);
  }

  #keep(kept: boolean): this {
    this.#kept = kept;
    this.#hosted?.keep(kept);
    return this;
  }

  #checkFd(operation: string, fd: FdLike): number {
    return checkFd(fd, openCore(this, operation).poller.interface.control);
  }
}
