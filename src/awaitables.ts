import {
  type AbortSignalLike,
  checkSignal,
  isAborted,
  offAbort,
  onAbort,
  reasonOf,
} from "./abort-signal.ts";
import { checkOptions, checkTime } from "./arguments.ts";
import type { Core, Extension } from "./core.ts";
import { closedError, ECANCELED, EEXIST, systemError } from "./errors.ts";
import { EventStream } from "./event-stream.ts";
import { READ, WRITE } from "./events.ts";
import type { StoredHandler } from "./handlers.ts";

/** What can end a wait before its time. */
export interface WaitOptions {
  /** Rejects with the signal's reason when it is aborted. */
  readonly signal?: AbortSignalLike | undefined;
  /** Milliseconds until a DOMException "TimeoutError"; none by default. */
  readonly timeout?: number | undefined;
}

/** What closing the loop, or removing the fd, ends. */
interface Pending {
  reject(reason: unknown): void;
}

/** One promise that waits: settled once, by whatever comes first, which takes the rest back. */
class Wait {
  readonly #core: Core;
  readonly #settled = Promise.withResolvers<number>();
  readonly #signal: AbortSignalLike | undefined;
  readonly #over: () => void;
  #timer = 0;

  /** `over` is called before the promise settles. */
  constructor(core: Core, { signal, timeout }: WaitOptions, what: string, over: () => void) {
    this.#core = core;
    this.#signal = signal;
    this.#over = over;
    onAbort(signal, this.#abort);
    if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return;
    const expire = (): void => {
      this.reject(new DOMException(`${what}: not within ${timeout} ms`, "TimeoutError"));
    };
    this.#timer = core.addTimeout(performance.now() + Math.max(timeout, 0), expire, undefined);
  }

  get promise(): Promise<number> {
    return this.#settled.promise;
  }

  resolve(value: number): void {
    this.#end();
    this.#settled.resolve(value);
  }

  reject(reason: unknown): void {
    this.#end();
    this.#settled.reject(reason);
  }

  readonly #abort = (): void => this.reject(reasonOf(this.#signal));

  #end(): void {
    offAbort(this.#signal, this.#abort);
    this.#core.timeouts.remove(this.#timer);
    this.#over();
  }
}

/** Who waits for one fd: each direction has one place. */
interface Waiting {
  readable: Wait | undefined;
  writable: Wait | undefined;
}

type Direction = keyof Waiting;

const MASKS: Readonly<Record<Direction, number>> = { readable: READ, writable: WRITE };

/**
 * `readable`, `writable` and `sleep` of one loop, and its streams: promises over its handlers and timers.
 *
 * @internal
 */
export class Awaitables implements Extension {
  readonly #core: Core;
  readonly #waiting = new Map<number, Waiting>();
  readonly #streams = new Map<number, EventStream>();
  /** Every wait and stream that has not ended. */
  readonly #pending = new Set<Pending>();

  constructor(core: Core) {
    this.#core = core;
    core.extensions.push(this);
    core.handlers.onForgotten = (fd) => this.#cancel(fd);
  }

  /** Resolves with the events when `fd` is ready in that direction, or has failed. */
  ready(fd: number, direction: Direction, options: WaitOptions): Promise<number> {
    const wanted = checkWait(options);
    if (this.#core.closed) throw closedError(direction);
    if (isAborted(wanted.signal)) return Promise.reject(reasonOf(wanted.signal));
    const waiting = this.#waiting.get(fd) ?? { readable: undefined, writable: undefined };
    if (waiting[direction] !== undefined) throw this.#taken(fd, direction);
    this.#watch(fd, waiting, direction);
    const wait = new Wait(this.#core, wanted, `${direction} of fd ${fd}`, () => {
      this.#pending.delete(wait);
      waiting[direction] = undefined;
      this.#unwatch(fd, waiting);
    });
    this.#pending.add(wait);
    waiting[direction] = wait;
    return wait.promise;
  }

  /** Resolves after `ms`. */
  sleep(ms: number, options: WaitOptions): Promise<void> {
    const wanted = checkWait(options);
    if (this.#core.closed) throw closedError("sleep");
    if (isAborted(wanted.signal)) return Promise.reject(reasonOf(wanted.signal));
    let timer = 0;
    const wait = new Wait(this.#core, wanted, "sleep", () => {
      this.#pending.delete(wait);
      this.#core.timeouts.remove(timer);
    });
    const wake = (): void => wait.resolve(0);
    timer = this.#core.addTimeout(performance.now() + Math.max(ms, 0), wake, undefined);
    // Now that nothing can fail any more, for closing the loop ends it.
    this.#pending.add(wait);
    return wait.promise.then(ignore);
  }

  /** The events of `fd`, one by one. */
  events(fd: number, mask: number, signal: AbortSignalLike | undefined): EventStream {
    if (this.#core.closed) throw closedError("events");
    const stream = new EventStream(this.#core.handlers, fd, mask, signal, () => {
      this.#streams.delete(fd);
      this.#pending.delete(stream);
    });
    this.#streams.set(fd, stream);
    this.#pending.add(stream);
    if (isAborted(signal)) stream.reject(reasonOf(signal));
    return stream;
  }

  close(): void {
    this.#waiting.clear();
    this.#streams.clear();
    for (const pending of this.#pending) pending.reject(closedError("a wait"));
  }

  /** The handler of `fd` has gone: nobody will hear of it any more. */
  #cancel(fd: number): void {
    const waiting = this.#waiting.get(fd);
    const stream = this.#streams.get(fd);
    if (waiting === undefined && stream === undefined) return;
    this.#waiting.delete(fd);
    const reason = systemError(ECANCELED, "waiting", fd, "its handler was removed meanwhile");
    waiting?.readable?.reject(reason);
    waiting?.writable?.reject(reason);
    stream?.reject(reason);
  }

  #watch(fd: number, waiting: Waiting, direction: Direction): void {
    const { handlers } = this.#core;
    const other = waiting.readable ?? waiting.writable;
    if (other !== undefined) {
      handlers.registrations.update(fd, READ | WRITE);
      return;
    }
    const tell: StoredHandler = (_fd, events) => this.#tell(waiting, events as number);
    handlers.add(fd, fd, MASKS[direction], tell, undefined);
    this.#waiting.set(fd, waiting);
  }

  #tell(waiting: Waiting, events: number): void {
    // An error or hang-up brings along both directions that are watched.
    if ((events & READ) !== 0) waiting.readable?.resolve(events);
    if ((events & WRITE) !== 0) waiting.writable?.resolve(events);
  }

  #unwatch(fd: number, waiting: Waiting): void {
    // Where it is no longer there, everything was removed at once.
    if (this.#waiting.get(fd) !== waiting) return;
    const { handlers } = this.#core;
    const other = waiting.readable ?? waiting.writable;
    if (other === undefined) {
      this.#waiting.delete(fd);
      handlers.remove(fd);
      return;
    }
    try {
      handlers.registrations.update(fd, waiting.readable === other ? READ : WRITE);
    } catch (error) {
      other.reject(error);
    }
  }

  #taken(fd: number, direction: Direction): Error {
    const advice = `somebody waits for ${direction} of it already: one at a time`;
    return systemError(EEXIST, this.#core.poller.interface.control, fd, advice);
  }
}

function ignore(): void {}

/**
 * The options, each read once: a getter may answer otherwise the next time, and may even close the loop.
 *
 * @internal
 */
export function checkWait(options: WaitOptions): WaitOptions {
  checkOptions("options", options, "{ timeout: 20 }");
  const { signal, timeout } = options;
  if (timeout !== undefined) checkTime("timeout", timeout);
  checkSignal(signal);
  return { signal, timeout };
}
