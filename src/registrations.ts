import { GENERATION_MAX, GENERATION_SHIFT, WORD_BITS } from "./abi.ts";
import { EEXIST, EINVAL, ENOENT, EPERM, type IOLoopError, systemError } from "./errors.ts";
import { ERROR, INTEREST, ONESHOT, PRI, READ, REARMED, WRITE } from "./events.ts";
import type { Poller } from "./poller.ts";
import { enlarged } from "./typed-array.ts";

const CAPACITY_FIRST = 256;

/** How a changed mask reaches the kernel: only where it differs from what the kernel has, or in any case. */
const CLEAN = 0;
const CHANGED = 1;
const REARM = 2;

const READINESS = READ | PRI | WRITE;

const ALWAYS_READY =
  "a regular file, a directory or /dev/null is always ready, and cannot be watched: read it directly";

const ADVICE: Readonly<Record<number, string>> = {
  [EINVAL]:
    "the kernel cannot watch this kind of file, or it is a loop's own queue: use another fd",
  [EPERM]:
    process.platform === "darwin"
      ? `${ALWAYS_READY}; a FIFO with a name cannot be watched here: use a pipe or a socket`
      : ALWAYS_READY,
};

/**
 * Which fds are watched, for what, and what the kernel has been told of it: parallel arrays, indexed by
 * fd. This is the truth, and the kernel's queue follows it.
 *
 * A word holds a registration's generation and mask. `#words` is what is wanted, `#armed` what the kernel was
 * last told; updates inside an iteration change only the first, and `flush` sends the net result. A
 * record that comes back is one of:
 *
 *   live    its generation is the word's, and the word has interest       delivered
 *   late    the fd was removed or paused during this very batch           dropped
 *   ghost   it was removed, paused or given a new generation before: its  dropped; when one comes again,
 *           fd was closed, and its open file lives on elsewhere           the queue is made anew
 *
 * A registration that leaves the kernel for a pause, or enters it again, after one or because its number names
 * another file by now, gets a new generation.
 */
export class Registrations {
  readonly #poller: Poller;
  readonly #refused: (fd: number, error: IOLoopError) => void;

  #words = new Int32Array(CAPACITY_FIRST);
  #armed = new Int32Array(CAPACITY_FIRST);
  #changes = new Uint8Array(CAPACITY_FIRST);
  /** The batch during which a fd's word was last changed. */
  #changedIn = new Int32Array(CAPACITY_FIRST);
  /** The fds whose change waits for the flush. */
  readonly #changed: number[] = [];

  #generation = 0;
  #batch = 0;
  #ghostInBatch = false;
  #ghostSuspected = false;

  /** Records that were late, or ghosts. */
  dropped = 0;
  /** Whether updates wait for `flush`: set while an iteration runs. */
  deferring = false;

  /** `refused` hears of a registration that the kernel would not take later on; it must not throw. */
  constructor(poller: Poller, refused: (fd: number, error: IOLoopError) => void) {
    this.#poller = poller;
    this.#refused = refused;
  }

  /** Whether there ever was one: the kernel may tell of what was removed long ago. */
  get used(): boolean {
    return this.#generation !== 0;
  }

  has(fd: number): boolean {
    return fd >= 0 && fd < this.#words.length && this.#words[fd] !== 0;
  }

  /** Whether a record is of the registration that `fd` has now. */
  isCurrent(fd: number, record: number): boolean {
    return ((this.#words[fd] as number) ^ record) >>> GENERATION_SHIFT === 0;
  }

  add(fd: number, mask: number): void {
    if (this.has(fd)) {
      throw systemError(
        EEXIST,
        this.#poller.interface.control,
        fd,
        "it has a handler already, which stays (perhaps of a closed file that had this number): call updateHandler for a new mask, or removeHandler first",
      );
    }
    const outcome = this.#register(fd, mask);
    if (outcome < 0) throw this.#refusal(fd, outcome);
  }

  update(fd: number, mask: number): void {
    if (!this.has(fd)) throw this.unknown(fd);
    const before = this.#words[fd] as number;
    const word = (before & ~WORD_BITS) | mask;
    const rearm = (mask & REARMED) !== 0 || this.#changes[fd] === REARM;
    this.#words[fd] = word;
    if (word !== before) this.#changedIn[fd] = this.#batch;
    if (this.deferring) {
      if (this.#changes[fd] === CLEAN) this.#changed.push(fd);
      this.#changes[fd] = rearm ? REARM : CHANGED;
      return;
    }
    const outcome = this.#send(fd, rearm);
    if (outcome < 0) {
      this.#words[fd] = before;
      this.#restore(fd);
      throw this.#refusal(fd, outcome);
    }
    this.#changes[fd] = CLEAN;
  }

  /** The error of whoever takes `fd` for watched. */
  unknown(fd: number): IOLoopError {
    const { control } = this.#poller.interface;
    return systemError(ENOENT, control, fd, "it has no handler: call addHandler first");
  }

  remove(fd: number): boolean {
    if (!this.has(fd)) return false;
    if (((this.#armed[fd] as number) & WORD_BITS) !== 0) this.#poller.remove(fd);
    this.#words[fd] = 0;
    this.#armed[fd] = 0;
    this.#changes[fd] = CLEAN;
    this.#changedIn[fd] = this.#batch;
    return true;
  }

  /** What a record of the current batch has to tell its handler; 0 when nothing may be delivered. */
  deliverable(fd: number, record: number): number {
    const word = this.#words[fd] as number;
    if (!this.isCurrent(fd, record) || (word & INTEREST) === 0) {
      this.#drop(fd);
      return 0;
    }
    // Where the kernel has one, that is: an update may have asked for it since.
    if ((word & ONESHOT) !== 0 && ((this.#armed[fd] as number) & ONESHOT) !== 0) {
      this.#armed[fd] = (word & ~WORD_BITS) | ONESHOT;
    }
    const events = record & (word | ERROR) & INTEREST;
    return (events & ERROR) === 0 ? events : events | (word & (READ | WRITE));
  }

  /** Brings the kernel up to date, before a wait: the net result of all updates, and an end to ghosts. */
  flush(): void {
    this.#batch = (this.#batch + 1) | 0;
    if (this.#changed.length > 0) this.#sendChanges();
    if (this.#ghostInBatch) this.#exorcise();
  }

  clear(): void {
    this.#words.fill(0);
    this.#armed.fill(0);
    this.#changes.fill(CLEAN);
    this.#changed.length = 0;
  }

  #drop(fd: number): void {
    this.dropped++;
    if (this.#changedIn[fd] !== this.#batch) this.#ghostInBatch = true;
    // An error alone is told once, and this was it: a handler that resumes in this batch arms it again.
    else if (this.#changes[fd] === CHANGED && ((this.#armed[fd] as number) & READINESS) === 0) {
      this.#changes[fd] = REARM;
    }
  }

  #sendChanges(): void {
    for (let fd = this.#changed.pop(); fd !== undefined; fd = this.#changed.pop()) {
      const change = this.#changes[fd];
      this.#changes[fd] = CLEAN;
      // Removed, or sent outside an iteration meanwhile.
      if (change === CLEAN) continue;
      const outcome = this.#send(fd, change === REARM);
      if (outcome < 0) this.#refuse(fd, outcome);
    }
  }

  /** Tells the kernel what `fd` wants now, by the one call that takes it there. Returns 0 or -errno. */
  #send(fd: number, rearm: boolean): number {
    const armed = this.#armed[fd] as number;
    const wanted = kernelWord(this.#words[fd] as number);
    const watched = (wanted & WORD_BITS) !== 0;
    if (wanted === armed && !(rearm && watched)) return 0;

    let outcome = -ENOENT;
    if (!watched) outcome = this.#poller.remove(fd);
    else if ((armed & WORD_BITS) !== 0) outcome = this.#poller.update(fd, wanted);
    // Outside the kernel, or the number names another open file by now: what the old one still reports
    // is a ghost's.
    if (outcome === -ENOENT) {
      // Should it be refused, the next update sends it again.
      this.#armed[fd] = armed & ~WORD_BITS;
      return this.#register(fd, wanted & WORD_BITS);
    }
    if (outcome < 0) return outcome;
    // What still comes of a registration that was paused is a ghost's, also once it is resumed.
    if (!watched) this.#words[fd] = this.#fresh((this.#words[fd] as number) & WORD_BITS);
    this.#armed[fd] = kernelWord(this.#words[fd] as number);
    return 0;
  }

  /** Registers `fd` under a new generation. Returns 0 or -errno. */
  #register(fd: number, mask: number): number {
    const word = this.#fresh(mask);
    const armed = kernelWord(word);
    const outcome = this.#poller.add(fd, armed);
    if (outcome < 0) return outcome;
    if (fd >= this.#words.length) this.#grow(fd + 1);
    this.#words[fd] = word;
    this.#armed[fd] = armed;
    return 0;
  }

  #refuse(fd: number, outcome: number): void {
    this.remove(fd);
    this.#refused(fd, this.#refusal(fd, outcome));
  }

  /**
   * A ghost cannot be told to stop, since its number is gone. One sighting may be the last; at the second,
   * the queue is made anew from this table.
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
    for (let fd = 0; fd < this.#armed.length; fd++) {
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

  /** Has the kernel watch again what a refused update has ended. */
  #restore(fd: number): void {
    const armed = this.#armed[fd] as number;
    if (this.#poller.interface.refusedUpdateKeepsOld || (armed & INTEREST) === 0) return;
    if (this.#poller.add(fd, armed) < 0) this.#armed[fd] = armed & ~WORD_BITS;
  }

  #refusal(fd: number, outcome: number): IOLoopError {
    return systemError(-outcome, this.#poller.interface.control, fd, ADVICE[-outcome]);
  }

  #fresh(mask: number): number {
    this.#generation = this.#generation === GENERATION_MAX ? 1 : this.#generation + 1;
    return (this.#generation << GENERATION_SHIFT) | mask;
  }

  #grow(least: number): void {
    const capacity = Math.max(this.#words.length * 2, least);
    this.#words = enlarged(this.#words, capacity);
    this.#armed = enlarged(this.#armed, capacity);
    this.#changes = enlarged(this.#changes, capacity);
    this.#changedIn = enlarged(this.#changedIn, capacity);
  }
}

/** The word that the kernel is given: modes without interest are a pause as well. */
function kernelWord(word: number): number {
  return (word & INTEREST) === 0 ? word & ~WORD_BITS : word;
}
