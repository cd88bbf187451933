// The open files of a process, and a queue that watches them as a kernel's does, as far as registrations meet it.
import { constants } from "node:os";
import { GENERATION_MAX, GENERATION_SHIFT } from "../src/abi.ts";
import { EDGE, ERROR, INTEREST, ONESHOT, PRI, READ, WRITE } from "../src/events.ts";
import { fail } from "./support.ts";

const { EBADF, ENOENT } = constants.errno;

/** An open file: what it is ready for, and whether somebody beside this process keeps it open. */
export class OpenFile {
  ready = 0;
  shared = false;
}

/** What the kernel watches: a number, together with the open file that it named then. */
export interface Entry {
  readonly fd: number;
  readonly file: OpenFile;
  word: number;
  /** Not when it is a ONESHOT that has fired. */
  enabled: boolean;
  /** Something happened since it was told, which an edge-triggered one waits for. */
  fresh: boolean;
  /** Nobody can be blamed for it: its number was closed, or its removal was refused. */
  orphaned: boolean;
}

export interface Call {
  readonly name: "add" | "update" | "remove" | "reset";
  readonly fd: number;
  readonly outcome: number;
}

/** A ready record. */
export interface FakeRecord {
  readonly fd: number;
  readonly word: number;
}

export function generationOf(word: number): number {
  return word >>> GENERATION_SHIFT;
}

/** Whether a registration is told of as long as it lasts. */
export function isLevel(mask: number): boolean {
  return (mask & EDGE) === 0 && (mask & (READ | PRI | WRITE)) !== 0;
}

/**
 * A queue in place of a `Poller`. epoll knows entries by number and open file, so that one outlives its number; kqueue
 * knows them by number, drops them when that is closed, and takes an old one out before it looks at a new one.
 */
export class FakeQueue {
  readonly interface: { readonly control: string; readonly refusedUpdateKeepsOld: boolean };
  readonly table = new Map<number, OpenFile>();
  entries: Entry[] = [];
  /** What the next calls answer, in turn: an errno, or 0. */
  refusals: number[] = [];
  #calls: Call[] = [];
  /** The generation that was used last, and those under which the fds were taken. */
  generation = 0;
  readonly generations = new Map<number, number>();
  /** Whom the queue has let go of by itself: they come back as they were. */
  #letGo: "all" | number | undefined;
  /** Takes everything, and keeps nothing but the generation. */
  idle = false;
  readonly #byNumber: boolean;

  constructor(backend: "epoll" | "kqueue") {
    this.#byNumber = backend === "kqueue";
    this.interface = { control: backend, refusedUpdateKeepsOld: !this.#byNumber };
  }

  // What registrations call.

  add(fd: number, word: number): number {
    if (this.idle) {
      this.generation = generationOf(word);
      return 0;
    }
    const generation = generationOf(word);
    if (this.#letGo === "all" || this.#letGo === fd) {
      check(generation === this.generations.get(fd), `fd ${fd} came back to the queue as another`);
    } else {
      const raised = (generation - this.generation + GENERATION_MAX) % GENERATION_MAX;
      check(raised > 0 && raised < 100, `generation ${generation} came after ${this.generation}`);
      this.generation = generation;
    }
    const outcome = this.#set(fd, word, true);
    if (outcome === 0) this.generations.set(fd, generation);
    return this.#note("add", fd, outcome);
  }

  update(fd: number, word: number): number {
    check((word & INTEREST) !== 0, "an update has an interest");
    check(generationOf(word) === this.generations.get(fd), "an update keeps the generation");
    const outcome = this.#set(fd, word, false);
    if (outcome < 0 && outcome !== -ENOENT && this.#byNumber) this.#letGo ??= fd;
    return this.#note("update", fd, outcome);
  }

  remove(fd: number): number {
    if (this.idle) return 0;
    const refusal = this.refusals.shift() ?? 0;
    const entry = this.#find(fd);
    if (entry === undefined) return this.#note("remove", fd, 0);
    if (refusal === 0) this.#drop(entry);
    else entry.orphaned = true;
    if (refusal !== 0 && this.#byNumber) this.#letGo ??= fd;
    return this.#note("remove", fd, -refusal);
  }

  reset(): number {
    const refusal = this.refusals.shift() ?? 0;
    if (refusal === 0) {
      this.entries = [];
      this.#letGo = "all";
    }
    return this.#note("reset", -1, -refusal);
  }

  /** What was called since the last time. */
  takeCalls(): readonly Call[] {
    const calls = this.#calls;
    this.#calls = [];
    this.#letGo = undefined;
    return calls;
  }

  // What happens to the files.

  open(fd: number): void {
    if (!this.table.has(fd)) this.table.set(fd, new OpenFile());
  }

  close(fd: number): void {
    this.table.delete(fd);
    if (this.#byNumber) this.entries = this.entries.filter((entry) => entry.fd !== fd);
    for (const entry of this.entries) if (entry.fd === fd) entry.orphaned = true;
    this.#sweep();
  }

  /** Has somebody else keep the open file, as a child process does, or let go of it. */
  share(file: OpenFile, on: boolean): void {
    file.shared = on;
    this.#sweep();
  }

  happen(file: OpenFile, events: number): void {
    file.ready |= events;
    for (const entry of this.entries) {
      if (entry.file === file && (events & (entry.word | ERROR)) !== 0) entry.fresh = true;
    }
  }

  /** The ready ones, at most so many; those that were told stand last the next time. */
  wait(most: number): FakeRecord[] {
    const told: FakeRecord[] = [];
    for (const entry of [...this.entries]) {
      const { fd, file, word } = entry;
      const ready = file.ready & (word | ERROR) & INTEREST;
      const tells = entry.enabled && ready !== 0 && (isLevel(word) || entry.fresh);
      if (!tells || told.length === most) continue;
      entry.fresh = false;
      entry.enabled = (word & ONESHOT) === 0;
      this.#drop(entry);
      this.entries.push(entry);
      told.push({ fd, word: (generationOf(word) << GENERATION_SHIFT) | ready });
    }
    return told;
  }

  #set(fd: number, word: number, adds: boolean): number {
    check(generationOf(word) !== 0, "generation 0 is the queue's own");
    const file = this.table.get(fd);
    if (file === undefined) return -EBADF;
    const refusal = this.refusals.shift() ?? 0;
    const known = this.#find(fd);
    if (this.#byNumber && known !== undefined) this.#drop(known);
    if (refusal !== 0) return -refusal;
    if (!adds && known === undefined) return -ENOENT;
    if (!this.#byNumber && known !== undefined) this.#drop(known);
    if ((word & INTEREST) === 0) return 0;
    this.entries.push({ fd, file, word, enabled: true, fresh: true, orphaned: false });
    return 0;
  }

  /** What the kernel finds by the number. */
  #find(fd: number): Entry | undefined {
    const file = this.table.get(fd);
    return this.entries.find((entry) => entry.fd === fd && entry.file === file);
  }

  /** An entry ends with its open file. */
  #sweep(): void {
    const open = new Set(this.table.values());
    this.entries = this.entries.filter(({ file }) => file.shared || open.has(file));
  }

  #drop(entry: Entry): void {
    this.entries.splice(this.entries.indexOf(entry), 1);
  }

  #note(name: Call["name"], fd: number, outcome: number): number {
    this.#calls.push({ name, fd, outcome });
    return outcome;
  }
}

/** Fails the test with what was promised. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) fail(what);
}
