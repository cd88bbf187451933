import { type Pointer, toArrayBuffer } from "bun:ffi";
import {
  BACKEND_KQUEUE,
  BATCH_ENTRY_BYTES,
  STATE_POLLER_FD,
  STATE_SLACK_NS,
  STATE_TIMEOUT_MS_ONLY,
  STATE_WOKEN,
  STATE_WORDS,
} from "./abi.ts";
import { EAGAIN, EBADF, EINTR, EINVAL, ELOOP, EMFILE, systemError } from "./errors.ts";
import { type Native, native } from "./native.ts";

/** What a wait returns that a signal has ended. */
export const INTERRUPTED = -1;

const NS_PER_MS = 1e6;

/** Of so many waits that found one event, one is taken for a sign that the next is there already. */
const GUESS_EVERY = 16;
const MS_PER_US = 1e-3;

const HOSTING =
  "a hosted loop needs a thread and five fds: raise the limits of this process (ulimit -n, ulimit -u)";
const WATCH_ADVICE: Readonly<Record<number, string>> = { [EMFILE]: HOSTING, [EAGAIN]: HOSTING };

const FOREIGN =
  "the loop's own queue was closed, or another file has its number: close only fds of your own, and make a new IOLoop";
const WAIT_ADVICE: Readonly<Record<number, string>> = { [EBADF]: FOREIGN, [EINVAL]: FOREIGN };

/** What differs between the backends: the names of their system calls, and what a refused update leaves. */
const EPOLL = {
  backend: "epoll",
  open: "epoll_create1",
  control: "epoll_ctl",
  wait: "epoll_wait",
  refusedUpdateKeepsOld: true,
} as const;
const KQUEUE = {
  backend: "kqueue",
  open: "kqueue",
  control: "kevent",
  wait: "kevent",
  refusedUpdateKeepsOld: false,
} as const;

/**
 * The kernel's queue of ready fds. `wait` leaves its records in `records`, as `abi.ts` draws them, valid
 * until the next wait. Every call hands native code the views themselves: a kept pointer goes stale
 * when JavaScript's engine moves an array.
 */
export class Poller {
  /** Which backend waits, and how it differs. */
  readonly interface: typeof EPOLL | typeof KQUEUE;
  readonly records: Int32Array;
  readonly #native: Native;
  /** The library's own memory, so that a thread can tidy up after a Worker that was terminated. */
  #state: Int32Array;
  readonly #recordsMax: number;
  /** How long a wait polls busily before it sleeps. */
  readonly spinMs: number;
  /** Whether the next wait is expected to find events at once. */
  #eager = false;
  #guessIn = GUESS_EVERY;
  #closed = false;

  /** `spinUs` microseconds are polled busily before a wait sleeps. */
  constructor(recordsMax: number, spinUs: number) {
    this.#native = native();
    this.interface = this.#native.ioloop_backend() === BACKEND_KQUEUE ? KQUEUE : EPOLL;
    this.#recordsMax = recordsMax;
    this.spinMs = spinUs * MS_PER_US;
    this.records = new Int32Array(new ArrayBuffer(recordsMax * BATCH_ENTRY_BYTES));
    const forceTimeoutMs = process.env["BUN_IOLOOP_TIMEOUT"] === "ms" ? 1 : 0;
    const address = new Float64Array(new ArrayBuffer(Float64Array.BYTES_PER_ELEMENT));
    const outcome = this.#native.ioloop_open(address, forceTimeoutMs);
    if (outcome < 0) throw systemError(-outcome, this.interface.open);
    const bytes = STATE_WORDS * Int32Array.BYTES_PER_ELEMENT;
    this.#state = new Int32Array(toArrayBuffer(address[0] as Pointer, 0, bytes));
  }

  /** Whether waits are rounded up to whole milliseconds. */
  get coarse(): boolean {
    return this.#state[STATE_TIMEOUT_MS_ONLY] === 1;
  }

  /**
   * Waits at most `timeoutMs`, or for as long as it takes where that is Infinity; returns how many records are ready, or
   * INTERRUPTED when a signal came first. A wake ends it with 0, and so does the kernel, early by at most the thread's
   * timer slack or a thousandth.
   *
   * Where a sleep would have an end, the kernel looks at its clock twice before it looks for events: 250 ns, beside 380
   * for the rest. So it is asked first without that, where events are expected: after a wait that found several, and
   * now and then after one that found one. A guess that fails costs a system call, before a sleep.
   */
  wait(timeoutMs: number): number {
    if (timeoutMs === 0) return this.#poll(0);
    if (timeoutMs * NS_PER_MS <= (this.#state[STATE_SLACK_NS] as number)) {
      return this.#pollThrough(timeoutMs);
    }
    if (this.#eager && timeoutMs !== Number.POSITIVE_INFINITY) {
      const count = this.#poll(0);
      if (count !== 0 || this.woken) return count;
      this.#eager = false;
    }
    const count = this.spinMs === 0 ? this.#poll(timeoutMs) : this.#spin(timeoutMs);
    this.#eager = count > 1 || (count === 1 && --this.#guessIn === 0);
    if (this.#guessIn === 0) this.#guessIn = GUESS_EVERY;
    return count;
  }

  /**
   * Polls busily where the thread's timer slack would make a sleep twice as long or longer: for what is left of one that
   * ended early, or for a timer that is so near. Not twice in a row, so that timers in a dense row cost no core.
   */
  #pollThrough(timeoutMs: number): number {
    const count = this.#pollUntil(performance.now() + timeoutMs);
    // Unknown, and thus looked up by the next sleep: the thread may have been given another one.
    this.#state[STATE_SLACK_NS] = -1;
    return count;
  }

  #spin(timeoutMs: number): number {
    const began = performance.now();
    const count = this.#pollUntil(began + Math.min(this.spinMs, timeoutMs));
    if (count !== 0 || this.woken) return count;
    return this.#poll(Math.max(timeoutMs - (performance.now() - began), 0));
  }

  /** Polls busily until there is something, or `end` is over; at least once. */
  #pollUntil(end: number): number {
    let count: number;
    do count = this.#poll(0);
    while (count === 0 && !this.woken && performance.now() < end);
    return count;
  }

  /** One native wait. It returns to JavaScript on a signal, so that a Worker can be terminated. */
  #poll(timeoutMs: number): number {
    const count = this.#native.ioloop_wait(
      this.#state,
      this.records,
      this.#recordsMax,
      timeoutMs * NS_PER_MS,
    );
    if (count >= 0) return count;
    if (count === -EINTR) return INTERRUPTED;
    throw systemError(-count, this.interface.wait, this.#pollerFd, WAIT_ADVICE[-count]);
  }

  /** Registers `fd` under `word`. Returns 0 or -errno, as the next two do. */
  add(fd: number, word: number): number {
    return this.#native.ioloop_add(this.#state, fd, word >>> 0);
  }

  update(fd: number, word: number): number {
    return this.#native.ioloop_update(this.#state, fd, word >>> 0);
  }

  remove(fd: number): number {
    return this.#native.ioloop_remove(this.#state, fd);
  }

  /** Drops every registration, also those that can no longer be named. Returns 0 or -errno. */
  reset(): number {
    return this.#native.ioloop_reset(this.#state);
  }

  /** An fd that is readable while this poller has events; made at the first call. */
  expose(): number {
    const fd = this.#native.ioloop_expose(this.#state);
    const { control, open } = this.interface;
    if (fd < 0) throw systemError(-fd, fd === -ELOOP ? control : open);
    return fd;
  }

  /** Whether the last wait used up a wake. */
  get woken(): boolean {
    return this.#state[STATE_WOKEN] === 1;
  }

  /** The state, for the parts of the library that extend a loop. */
  get state(): Int32Array {
    return this.#state;
  }

  /**
   * Has this queue watched while JavaScript does not wait on it: by the kernel, or where that is refused by a
   * thread. Returns the end of a socket pair that becomes readable when there is something to tell; it
   * is the caller's to close.
   */
  watch(): number {
    const forceThread = process.env["BUN_IOLOOP_WATCH"] === "thread" ? 1 : 0;
    const fd = this.#native.ioloop_watch(this.#state, forceThread);
    if (fd < 0) throw systemError(-fd, "watch", undefined, WATCH_ADVICE[-fd]);
    return fd;
  }

  /** Asks to be told once, when events are ready or `timeoutMs` has passed (Infinity: never). */
  arm(timeoutMs: number): void {
    const outcome = this.#native.ioloop_watch_arm(this.#state, timeoutMs * NS_PER_MS);
    if (outcome === -EAGAIN) throw systemError(EAGAIN, "watch", undefined, HOSTING);
    if (outcome < 0) throw systemError(-outcome, this.interface.control, this.#pollerFd);
  }

  /** Ends the watching, if there is any; `abandoned`: nobody has taken the fd that `watch` returned. */
  unwatch(abandoned: boolean): void {
    this.#native.ioloop_watch_end(this.#state, Number(abandoned));
  }

  /** Frees the queue and the library's memory of it. */
  close(): void {
    const open = this.#state;
    if (this.#closed) return;
    this.#closed = true;
    // Nobody may look at the library's memory any more; what comes late finds closed fds.
    this.#state = new Int32Array(new ArrayBuffer(open.byteLength)).fill(-1);
    this.#native.ioloop_close(open);
  }

  get #pollerFd(): number {
    return this.#state[STATE_POLLER_FD] as number;
  }
}
