import { GENERATION_MAX, GENERATION_SHIFT, WORD_BITS } from "./abi.ts";
import type { FdLike } from "./arguments.ts";
import { EEXIST, ENOENT, EPERM, type IOLoopError, systemError } from "./errors.ts";
import { ERROR, INTEREST, ONESHOT, READ, REARMED, WRITE } from "./events.ts";
import type { Poller } from "./poller.ts";
import { enlarged } from "./typed-array.ts";

/** A handler as the table keeps it: called with (fd, events), or (arg, fd, events). */
export type StoredHandler = (...args: unknown[]) => unknown;

const CAPACITY_FIRST = 256;

/** How a changed mask reaches the kernel: not at all where it is back at what the kernel has, or in any case. */
const CLEAN = 0;
const CHANGED = 1;
const REARM = 2;

const SYSCALL = "epoll_ctl";
const ADVICE: Readonly<Record<number, string>> = {
  [EPERM]:
    "only what can be not ready can be watched, and a regular file or directory is always ready: read it directly",
};

/**
 * Who is called for which fd: parallel arrays, indexed by fd, no object per entry. It is the truth about
 * what is watched, and the kernel's queue follows it.
 *
 * A word holds a registration's generation and mask. `#words` is what the user asked for, `#armed` what
 * the kernel was last told; updates made inside an iteration only change the first, and `flush` sends
 * the net result.
 */
export class HandlerTable {
  readonly #poller: Poller;
  readonly #refused: (error: IOLoopError) => void;

  #capacity = CAPACITY_FIRST;
  #words = new Int32Array(CAPACITY_FIRST);
  #armed = new Int32Array(CAPACITY_FIRST);
  #changes = new Uint8Array(CAPACITY_FIRST);
  /** The batch during which an fd was last removed: its record there is late, in a later one a ghost. */
  #removedIn = new Int32Array(CAPACITY_FIRST);
  readonly #handlers: (StoredHandler | undefined)[] = new Array(CAPACITY_FIRST).fill(undefined);
  readonly #targets: (FdLike | undefined)[] = new Array(CAPACITY_FIRST).fill(undefined);
  readonly #args: unknown[] = new Array(CAPACITY_FIRST).fill(undefined);

  readonly #changed: number[] = [];
  readonly #refusals: IOLoopError[] = [];
  #generation = 0;
  #batch = 0;
  #ghostInBatch = false;
  #ghostSuspected = false;

  /** Fds with a handler, paused ones included. */
  size = 0;
  /** Records that named no live registration. */
  dropped = 0;
  /** Whether updates wait for `flush`: set while an iteration runs. */
  deferring = false;

  /** `refused` hears of a deferred update that the kernel would not take; the handler is gone by then. */
  constructor(poller: Poller, refused: (error: IOLoopError) => void) {
    this.#poller = poller;
    this.#refused = refused;
  }

  add(fd: number, target: FdLike, mask: number, handler: StoredHandler, arg: unknown): void {
    if (this.has(fd)) {
      throw systemError(
        EEXIST,
        SYSCALL,
        fd,
        "it has a handler already, which stays: call updateHandler for a new mask, or removeHandler first",
      );
    }
    const generation = this.#generation === GENERATION_MAX ? 1 : this.#generation + 1;
    const word = (generation << GENERATION_SHIFT) | mask;
    const outcome = this.#poller.add(fd, kernelWord(word));
    if (outcome < 0) throw systemError(-outcome, SYSCALL, fd, ADVICE[-outcome]);

    if (fd >= this.#capacity) this.#grow(fd + 1);
    this.#generation = generation;
    this.#words[fd] = word;
    this.#armed[fd] = kernelWord(word);
    this.#handlers[fd] = handler;
    this.#targets[fd] = target;
    this.#args[fd] = arg;
    this.size++;
  }

  update(fd: number, mask: number): void {
    if (!this.has(fd)) {
      throw systemError(ENOENT, SYSCALL, fd, "it has no handler: call addHandler first");
    }
    const before = this.#words[fd] as number;
    this.#words[fd] = (before & ~WORD_BITS) | mask;
    if (!this.deferring) {
      this.#changes[fd] = CLEAN;
      const outcome = this.#send(fd, (mask & REARMED) !== 0);
      if (outcome < 0) {
        this.#words[fd] = before;
        throw systemError(-outcome, SYSCALL, fd);
      }
      return;
    }
    if (this.#changes[fd] === CLEAN) this.#changed.push(fd);
    if ((mask & REARMED) !== 0) this.#changes[fd] = REARM;
    else if (this.#changes[fd] === CLEAN) this.#changes[fd] = CHANGED;
  }

  remove(fd: number): boolean {
    if (!this.has(fd)) return false;
    if (((this.#armed[fd] as number) & WORD_BITS) !== 0) this.#poller.remove(fd);
    this.#words[fd] = 0;
    this.#armed[fd] = 0;
    this.#changes[fd] = CLEAN;
    this.#removedIn[fd] = this.#batch;
    this.#handlers[fd] = undefined;
    this.#targets[fd] = undefined;
    this.#args[fd] = undefined;
    this.size--;
    return true;
  }

  has(fd: number): boolean {
    return fd >= 0 && fd < this.#capacity && this.#words[fd] !== 0;
  }

  /** The fd that `target` was registered with, which it may no longer tell; -1 when it was not. */
  find(target: FdLike): number {
    return this.#targets.indexOf(target);
  }

  /** A number that differs between two registrations of one fd; 0 where there is none. */
  generation(fd: number): number {
    return (this.#words[fd] as number) >>> GENERATION_SHIFT;
  }

  /** What a record of the current batch has to tell its handler; 0 when nothing may be delivered. */
  deliverable(fd: number, record: number): number {
    const word = this.#words[fd] as number;
    if ((word ^ record) >>> GENERATION_SHIFT !== 0) {
      this.#drop(this.#removedIn[fd] !== this.#batch);
      return 0;
    }
    if ((word & INTEREST) === 0) {
      // Paused: late when the kernel has not heard of it yet, a ghost when it has.
      this.#drop(((this.#armed[fd] as number) & INTEREST) === 0);
      // An edge is told once, and this was it: a handler that resumes in this batch arms it again.
      if (this.#changes[fd] === CHANGED) this.#changes[fd] = REARM;
      return 0;
    }
    if ((word & ONESHOT) !== 0) this.#armed[fd] = (word & ~WORD_BITS) | ONESHOT;
    const events = record & (word | ERROR) & INTEREST;
    return (events & ERROR) === 0 ? events : events | (word & (READ | WRITE));
  }

  /** Calls the handler of `fd` and returns what it returned. */
  call(fd: number, events: number): unknown {
    const handler = this.#handlers[fd] as StoredHandler;
    const arg = this.#args[fd];
    return arg === undefined
      ? handler(this.#targets[fd], events)
      : handler(arg, this.#targets[fd], events);
  }

  /** Brings the kernel up to date, before a wait: the net result of all updates, and an end to ghosts. */
  flush(): void {
    this.#batch = (this.#batch + 1) | 0;
    if (this.#changed.length > 0) this.#sendChanges();
    if (this.#ghostInBatch) this.#exorcise();
    if (this.#refusals.length > 0) this.#reportRefusals();
  }

  clear(): void {
    this.#words.fill(0);
    this.#armed.fill(0);
    this.#changes.fill(CLEAN);
    this.#handlers.fill(undefined);
    this.#targets.fill(undefined);
    this.#args.fill(undefined);
    this.#changed.length = 0;
    this.#refusals.length = 0;
    this.size = 0;
  }

  #sendChanges(): void {
    for (let fd = this.#changed.pop(); fd !== undefined; fd = this.#changed.pop()) {
      const change = this.#changes[fd];
      this.#changes[fd] = CLEAN;
      if (change === CLEAN || !this.has(fd)) continue;
      const outcome = this.#send(fd, change === REARM);
      if (outcome < 0) this.#refuse(fd, outcome);
    }
  }

  /** Tells the kernel what `fd` wants now, by the one call that takes it there. Returns 0 or -errno. */
  #send(fd: number, rearm: boolean): number {
    const armed = this.#armed[fd] as number;
    const wanted = kernelWord(this.#words[fd] as number);
    if (wanted === armed && !(rearm && (wanted & WORD_BITS) !== 0)) return 0;

    let outcome = 0;
    if ((wanted & WORD_BITS) === 0) outcome = this.#poller.remove(fd);
    else if ((armed & WORD_BITS) === 0) outcome = this.#poller.add(fd, wanted);
    else outcome = this.#poller.update(fd, wanted);
    if (outcome === 0) this.#armed[fd] = wanted;
    return outcome;
  }

  /** Removes a handler whose registration the kernel refused; it is reported by `#reportRefusals`. */
  #refuse(fd: number, outcome: number): void {
    this.remove(fd);
    this.#refusals.push(systemError(-outcome, SYSCALL, fd));
  }

  /** A report may throw; what is left then is reported at the next flush. */
  #reportRefusals(): void {
    for (let error = this.#refusals.shift(); error !== undefined; error = this.#refusals.shift()) {
      this.#refused(error);
    }
  }

  #drop(ghost: boolean): void {
    this.dropped++;
    if (ghost) this.#ghostInBatch = true;
  }

  /**
   * A ghost is a registration whose fd was closed while its open file lives on elsewhere. The kernel
   * reports it but cannot be told to stop. One sighting may be the last; at the second, the queue is
   * made anew from this table.
   */
  #exorcise(): void {
    this.#ghostInBatch = false;
    if (!this.#ghostSuspected) {
      this.#ghostSuspected = true;
      return;
    }
    // Without a free fd the old queue stays, and the next sighting tries again.
    if (this.#poller.reset() < 0) return;
    this.#ghostSuspected = false;
    for (let fd = 0; fd < this.#capacity; fd++) {
      const armed = this.#armed[fd] as number;
      if (armed === 0) continue;
      if ((armed & INTEREST) === 0) {
        // A ONESHOT that has fired stays silent: outside the kernel, until it is armed again.
        this.#armed[fd] = armed & ~WORD_BITS;
        continue;
      }
      const outcome = this.#poller.add(fd, armed);
      if (outcome < 0) this.#refuse(fd, outcome);
    }
  }

  #grow(least: number): void {
    const capacity = Math.max(this.#capacity * 2, least);
    this.#words = enlarged(this.#words, capacity);
    this.#armed = enlarged(this.#armed, capacity);
    this.#changes = enlarged(this.#changes, capacity);
    this.#removedIn = enlarged(this.#removedIn, capacity);
    while (this.#handlers.length < capacity) {
      this.#handlers.push(undefined);
      this.#targets.push(undefined);
      this.#args.push(undefined);
    }
    this.#capacity = capacity;
  }
}

/** The word that the kernel is given: modes without interest are a pause as well. */
function kernelWord(word: number): number {
  return (word & INTEREST) === 0 ? word & ~WORD_BITS : word;
}
