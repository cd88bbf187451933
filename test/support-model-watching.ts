import { EDGE, ERROR, INTEREST, ONESHOT, READ, REARMED, WRITE } from "../src/events.ts";
import type { FdLike } from "../src/index.ts";
import { LASTING } from "./support-backend.ts";
import { FAILED, HUNG_UP } from "./support-events.ts";
import { check } from "./support-model-check.ts";
import type { ModelFile } from "./support-model-file.ts";

/** A handler on an fd, as the loop and the kernel know it. */
export class Registration {
  readonly fd: number;
  readonly target: FdLike;
  /** Undefined once `fd` was closed under it: what the number names now is not the model's business. */
  file: ModelFile | undefined;
  mask: number;
  /** What the kernel was told last. */
  armed: number;
  /** It is told again, though the mask be the same. */
  rearm = false;
  /** It has refused an update, and may have forgotten the fd: each later update is another attempt. */
  refused = false;
  /** When there was news of it last, and up to when it was told: what edge-triggered registrations wait for. */
  news: number;
  told = -1;
  /** A ONESHOT that has had its shot. */
  fired = false;
  /** Its mask was changed since the last wait. */
  touched = false;

  constructor(file: ModelFile, target: FdLike, mask: number, moment: number) {
    this.fd = file.near;
    this.target = target;
    this.file = file;
    this.mask = mask;
    this.armed = mask;
    this.news = moment;
  }
}

/** What a wait found for one registration. */
interface Seen {
  readonly ready: number;
  readonly mask: number;
  readonly known: boolean;
  readonly mayFail: boolean;
  /** There may be a record for it, where the kernel's queue was made anew. */
  readonly tellable: boolean;
  /** It is ready for what it watches: there is a record for it, if there was room. */
  readonly told: boolean;
}

/** What one wait found. There may be less room than records, and some of the room goes to what the model cannot see. */
export interface Batch {
  readonly seen: ReadonlyMap<Registration, Seen>;
  readonly called: Set<Registration>;
  readonly moment: number;
  readonly room: number;
  /** Records that the model cannot tell for sure. */
  readonly unsure: number;
}

/** A naive model of what a loop watches, and of a kernel that tells it what is ready. */
export class Watching {
  readonly registrations = new Map<number, Registration>();
  /** Open files that it cannot name any more: they make the loop register all others again, sooner or later. */
  ghosts = 0;
  #moment = 0;

  add(file: ModelFile, target: FdLike, mask: number): Registration {
    const registration = new Registration(file, target, mask, ++this.#moment);
    this.registrations.set(registration.fd, registration);
    return registration;
  }

  isCurrent(registration: Registration): boolean {
    return this.registrations.get(registration.fd) === registration;
  }

  update(registration: Registration, mask: number): void {
    registration.mask = mask;
    registration.touched = true;
    if ((mask & REARMED) !== 0) registration.rearm = true;
  }

  /** There is news of `file` for whoever watches it for any of `events`. */
  stir(file: ModelFile, events: number): void {
    const registration = this.registrations.get(file.near);
    if (registration?.file !== file) return;
    if ((events & (registration.armed | ERROR)) !== 0) registration.news = ++this.#moment;
  }

  /** The number was closed: the kernel forgets what it watched there, unless the open file lives on. */
  fdClosed(fd: number, livesOn: boolean): boolean {
    const registration = this.registrations.get(fd);
    if (registration === undefined) return false;
    registration.file = undefined;
    if (livesOn) this.ghosts++;
    return true;
  }

  /** Whether the kernel may refuse what it is told next: something about a number that was closed. */
  get mayRefuse(): boolean {
    for (const { file, mask, armed, rearm, refused } of this.registrations.values()) {
      const sent = mask !== armed || rearm || refused || this.ghosts > 0;
      if (file === undefined && sent) return true;
    }
    return false;
  }

  /** Brings what the kernel knows up to the masks. */
  flush(): void {
    for (const registration of this.registrations.values()) {
      const { mask, armed, rearm } = registration;
      registration.rearm = false;
      if (mask === armed && !rearm) continue;
      registration.armed = mask;
      registration.news = ++this.#moment;
      registration.fired = false;
    }
  }

  /** What the kernel finds in a wait with `room` for so many records, of which a wake may take one. */
  look(room: number, woken: boolean): Batch {
    const seen = new Map<Registration, Seen>();
    let unsure = this.ghosts + (woken ? 1 : 0);
    for (const registration of this.registrations.values()) {
      const { armed: mask, file, fired } = registration;
      const known = file !== undefined;
      if (!known && (mask & INTEREST) !== 0) unsure++;
      const ready = file?.readyFor(mask) ?? 0;
      const mayFail = file?.mayFail ?? false;
      const tellable = this.#isReady(mask, ready) && !fired;
      const told = tellable && this.#isNews(registration);
      // Where the queue is made anew, what was told once is told again.
      if (tellable && !told && this.ghosts > 0) unsure++;
      seen.set(registration, { ready, mask, known, mayFail, tellable, told });
      registration.touched = false;
    }
    return { seen, called: new Set(), moment: ++this.#moment, room, unsure };
  }

  /** A handler is called with `events`, from `batch`. */
  called(registration: Registration, events: number, batch: Batch): void {
    const { fd, mask } = registration;
    const seen = batch.seen.get(registration);
    check(this.isCurrent(registration), `fd ${fd} was called after its removal`);
    check(seen !== undefined, `fd ${fd} was called in the batch that added it`);
    const again = batch.called.has(registration);
    check(!again || !seen.known, `fd ${fd} was called twice in one batch`);
    batch.called.add(registration);
    check(batch.called.size <= batch.room, "a batch is no larger than maxEvents");
    check(events !== 0 && (mask & INTEREST) !== 0, `fd ${fd} was called while paused`);
    check((events & ~(mask | ERROR) & INTEREST) === 0, `fd ${fd} got bits it did not ask for`);
    if (!seen.known) return;
    const told = seen.told || (this.ghosts > 0 && seen.tellable);
    check(told, `fd ${fd} was called with nothing to tell`);
    const failed = seen.mayFail ? events & FAILED : 0;
    const trouble = failed === 0 ? seen.ready & ERROR : ERROR;
    const asked = trouble === 0 ? seen.ready & seen.mask & mask : mask & (READ | WRITE);
    check(events === (asked | trouble), `fd ${fd} got ${events}, not ${asked | trouble}`);
    registration.told = batch.moment;
    if ((seen.mask & ONESHOT) !== 0) registration.fired = true;
  }

  /** Fails when `batch` is dispatched, and somebody was left out for whom there was room. */
  finish(batch: Batch): void {
    const { waiting, excused } = this.#left(batch);
    const fds = waiting.map(({ fd }) => fd).join(", ");
    check(waiting.length <= excused, `ready and not called, though at most ${excused} may: ${fds}`);
  }

  /** Those that are still to be called from `batch`, if there was room for all. */
  due(batch: Batch): readonly Registration[] {
    return this.#left(batch).waiting;
  }

  /** Whether records are left of a batch that is broken off now; undefined where the model cannot know. */
  isLeft(batch: Batch): boolean | undefined {
    const { waiting, excused, told } = this.#left(batch);
    if (waiting.length > excused) return true;
    const through = batch.unsure === 0 && batch.called.size >= Math.min(told, batch.room);
    return through ? false : undefined;
  }

  /** What an outer loop finds that watches this one's fd. */
  tells(woken: boolean): { readonly surely: boolean; readonly perhaps: boolean } {
    const { seen, unsure } = this.look(1, woken);
    const told = [...seen].filter(([, found]) => found.told).map(([registration]) => registration);
    // What waits for an update may have been in a batch already, and been nobody's there: ONESHOT is over then.
    const surely = told.some(({ mask, armed, rearm }) => mask === armed && !rearm);
    return { surely, perhaps: told.length > 0 || unsure > 0 };
  }

  #left({ seen, called, room, unsure }: Batch) {
    let told = 0;
    const waiting: Registration[] = [];
    for (const [registration, found] of seen) {
      if (!found.told) continue;
      told++;
      const live = this.isCurrent(registration) && !registration.touched;
      if (live && !called.has(registration)) waiting.push(registration);
    }
    const excused = told - Math.min(told, Math.max(room - unsure, 0));
    return { waiting, excused, told };
  }

  #isReady(mask: number, ready: number): boolean {
    return (mask & INTEREST) !== 0 && (ready & (mask | HUNG_UP | FAILED)) !== 0;
  }

  #isNews({ armed, news, told }: Registration): boolean {
    return ((armed & EDGE) === 0 && (armed & LASTING) !== 0) || news > told;
  }
}
