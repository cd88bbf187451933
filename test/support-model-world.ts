import { drainMicrotasks } from "bun:jsc";
import { IOLoop, READ } from "../src/index.ts";
import * as io from "../src/io.ts";
import { ignore } from "./support.ts";
import { FALSE_READS, lacks } from "./support-backend.ts";
import { dup } from "./support-libc.ts";
import { check, type Tally } from "./support-model-check.ts";
import { DEEDS, pick } from "./support-model-deeds.ts";
import { FILE_KINDS, ModelFile } from "./support-model-file.ts";
import type { LoopModel } from "./support-model-loop.ts";
import { type Action, type Program, SLOTS } from "./support-model-program.ts";
import type { RunKind } from "./support-model-runs.ts";
import { StreamedSubject } from "./support-model-streams.ts";

/**
 * How handlers and a file end that is closed for another one: handlers first, or not at all (and the number taken by
 * the new file, or free), or too late for an open file that lives on.
 */
const REOPENINGS = ["removed", "removed", "removed", "watched", "orphaned", "haunted"] as const;
/** One in so many actions takes its file as it comes, though the answer be an error. */
const UNCHOSEN = 7;
/** The waits after which a ghost must be gone, with room for those that find no room for it. */
const GHOST_WAITS = 6;

/** What calls add may call again, and add more each time: after so many actions calls do nothing any more. */
const MOST_ACTIONS = 2000;

/** About what a hosted loop needs to fall asleep. */
const ASLEEP_MS = 1;
/** Far above what it takes to wake one. */
const TURN_MS = 10_000;

const canHaunt = !lacks("sight of a close");
const canPeek = !lacks("a queue that can be watched");

/** Loops, files and an outer loop, and what a program does to them. */
export class World implements Disposable {
  /** From where moments count that timers share, on the loops' clock. */
  readonly start = performance.now() + 0.5;
  readonly #tally: Tally;
  readonly #rooms: readonly number[];
  /** Made where they are first used, like the files. */
  readonly #subjects: (StreamedSubject | undefined)[] = [];
  /** All that were made, also those that were closed. */
  readonly #made: StreamedSubject[] = [];
  readonly #files: (ModelFile | undefined)[] = [];
  readonly #shared: number[] = [];
  readonly #hosted = new Set<LoopModel>();
  #outer: IOLoop | undefined;
  /** Runs that are under way, one inside the other. */
  #depth = 0;
  /** What was done so far. */
  #actions = 0;

  constructor({ rooms }: Program, tally: Tally) {
    this.#tally = tally;
    this.#rooms = rooms;
  }

  /** Does it, and looks at what is left. */
  perform({ actions }: Program): void {
    for (const action of actions) this.#act(action);
    this.#end();
  }

  /**
   * The same, with runs by Bun's loop in the place of start(): of one loop, or of all that there are. Some end by
   * themselves; during the others the next actions are done, each while the loops sleep.
   */
  async performHosted({ actions }: Program): Promise<void> {
    const left = actions.values();
    for (const action of left) {
      const { operation, value, on } = action;
      const hosts = operation === "start" || (operation === "runOnce" && value % 3 === 0);
      if (hosts) {
        const during = [...left.take(Math.floor(value / 3) % 4)];
        await this.#host(value % 2 === 0 ? [this.#subject(on)] : this.#open, value, during);
      } else this.#act(action);
    }
    this.#end();
  }

  /** Runs a loop. Within a run only a pass of another one is allowed, and only one that cannot wait. */
  run(subject: StreamedSubject, kind: RunKind, run: () => void): void {
    const inside = this.#depth > 0 || [...this.#hosted].some(({ inCall }) => inCall);
    if (subject.model.running || (inside && kind !== "runOnce(0)")) {
      subject.refuse(kind);
      return;
    }
    if (inside) this.#tally.note("a pass within another loop's");
    this.#depth++;
    try {
      run();
    } finally {
      this.#depth--;
    }
  }

  /** Closes a loop; the next use of its number makes a fresh one. */
  close(on: number, value: number): void {
    this.#subject(on).close(this.file(0), value);
    this.#subjects[on] = undefined;
  }

  file(slot: number): ModelFile {
    const file = this.#files[slot] ?? new ModelFile(pick(FILE_KINDS, slot));
    this.#files[slot] = file;
    return file;
  }

  /** An fd that the subject watches, one that was closed if there is one; now and then any, though the answer be an error. */
  watched({ model }: StreamedSubject, slot: number, value: number): number | undefined {
    if (value % UNCHOSEN === 0) return this.file(slot).near;
    const registrations = [...model.watching.registrations.values()];
    const closed = registrations.find(({ file }) => file === undefined);
    return (closed ?? registrations[slot % (registrations.length || 1)])?.fd;
  }

  /** A file that it does not watch; now and then any. */
  unwatched({ model }: StreamedSubject, slot: number, value: number): ModelFile | undefined {
    if (value % UNCHOSEN === 0) return this.file(slot);
    for (let turn = 0; turn < SLOTS; turn++) {
      const file = this.file((slot + turn) % SLOTS);
      if (!model.watching.registrations.has(file.near)) return file;
    }
    return undefined;
  }

  /** Does something to a file that may be news of it. */
  stir(slot: number, deed: (file: ModelFile) => number): void {
    const file = this.file(slot);
    const events = deed(file);
    if (events === 0) return;
    for (const { model } of this.#open) model.watching.stir(file, events);
  }

  /** Closes both ends of a file and opens another one. */
  reopen(slot: number, value: number): void {
    const file = this.file(slot);
    const kind = pick(FILE_KINDS, value);
    const wanted = pick(REOPENINGS, Math.floor(value / FILE_KINDS.length));
    const how = wanted === "haunted" && !canHaunt ? "watched" : wanted;
    // A free number that is watched may be taken by any fd, but not by a queue that is to watch the watcher.
    if (how === "removed") this.#forget(file);
    else this.#openOuter();
    if (how === "haunted") this.#shared.push(dup(file.near));
    const before = how === "orphaned" ? new ModelFile(kind) : undefined;
    file.close();
    for (const { model } of this.#open) {
      const watched = model.watching.fdClosed(file.near, how === "haunted");
      if (watched) this.#tally.note(`closed while it was watched (${how})`);
    }
    if (how === "haunted") this.#forget(file);
    this.#files[slot] = before ?? new ModelFile(kind);
  }

  /** An outer loop finds this one's fd readable as long as it has something to tell. */
  peek(subject: StreamedSubject): void {
    const { model } = subject;
    if (!canPeek || model.inBatch) return;
    const { fd } = subject;
    const outer = this.#openOuter();
    let heard = 0;
    outer.addHandler(fd, READ, () => heard++);
    for (let pass = 0; pass <= FALSE_READS; pass++) {
      heard = 0;
      outer.runOnce(0);
    }
    outer.removeHandler(fd);
    const { surely, perhaps } = model.watching.tells(model.signalled);
    const must = surely || model.woken;
    check(heard === 1 || !must, "fd is readable while there is something to tell");
    check(heard === 0 || perhaps, "fd is not readable while there is nothing to tell");
    this.#tally.note(heard === 1 ? "fd readable to an outer loop" : "fd not readable");
  }

  get #open(): StreamedSubject[] {
    return this.#subjects.filter((subject) => subject !== undefined);
  }

  #act({ operation, on, slot, value, script, ending }: Action): void {
    this.#tally.note(operation);
    this.#actions++;
    const run = () => {
      for (const action of script) if (this.#actions < MOST_ACTIONS) this.#act(action);
      return ending;
    };
    const subject = this.#subject(on);
    DEEDS[operation]({ world: this, subject, on, slot, value, script: run });
  }

  async #host(
    subjects: readonly StreamedSubject[],
    value: number,
    during: readonly Action[],
  ): Promise<void> {
    this.#tally.note(subjects.length > 1 ? "hosted, several at once" : "hosted");
    const stays = during.length > 0;
    const runs = subjects.map((subject, at) => subject.host(((value + at) % 3) + 1, stays));
    const ended = Promise.all(runs);
    // Awaited below, unless a check fails before.
    ended.catch(ignore);
    for (const action of during) await this.#fromOutside(() => this.#act(action));
    for (const subject of stays ? subjects : []) {
      await this.#fromOutside(() => {
        if (this.#hosted.has(subject.model)) subject.stop();
      });
    }
    await ended;
  }

  /** Does something while hosted loops sleep, and sees that each is turned for it. */
  async #fromOutside(deed: () => void): Promise<void> {
    await Bun.sleep(ASLEEP_MS);
    for (const { model } of this.#made) model.rethrow();
    for (const model of this.#hosted) model.rest();
    if (this.#hosted.size > 0) this.#tally.note("done while it was hosted");
    deed();
    const owing = [...this.#hosted].filter(({ owesTurn }) => owesTurn);
    const before = owing.map(({ passes }) => passes);
    const limit = performance.now() + TURN_MS;
    for (const [at, model] of owing.entries()) {
      this.#tally.note("turned for what was done while it slept");
      // What another loop calls may take it away.
      while (this.#hosted.has(model) && model.passes === before[at] && model.owesTurn) {
        check(performance.now() < limit, "Bun's loop turns a hosted one as soon as it has work");
        await Bun.sleep(ASLEEP_MS);
        model.rest();
      }
    }
  }

  #subject(on: number): StreamedSubject {
    const open = this.#subjects[on];
    if (open !== undefined) return open;
    const subject = new StreamedSubject(this.#rooms[on] ?? 1, this.#tally, this.#hosted);
    this.#subjects[on] = subject;
    this.#made.push(subject);
    return subject;
  }

  #forget(file: ModelFile): void {
    for (const subject of this.#open) subject.remove(file.near);
  }

  #openOuter(): IOLoop {
    this.#outer ??= new IOLoop({ maxEvents: 64 });
    return this.#outer;
  }

  #end(): void {
    for (const subject of this.#open) {
      this.#passOf(subject);
      if (!subject.model.closed) subject.look();
      this.#layGhosts(subject);
    }
    drainMicrotasks();
    for (const subject of this.#made) {
      subject.model.rethrow();
      check(!subject.owesAnswer, "what ends a wait or a stream is told to who waits");
    }
  }

  #passOf(subject: StreamedSubject): void {
    if (!subject.model.closed) this.run(subject, "runOnce(0)", () => subject.runOnce());
  }

  /** Sees that what lives on under a closed number is told no more after a few passes: the loop could not sleep. */
  #layGhosts(subject: StreamedSubject): void {
    const { model } = subject;
    const { watching, waits } = model;
    const { ghosts } = watching;
    if (ghosts === 0) return;
    for (const fd of [...watching.registrations.keys()]) subject.remove(fd);
    for (let passes = 0; passes < 2 * GHOST_WAITS; passes++) this.#passOf(subject);
    if (model.closed || model.waits - waits < GHOST_WAITS || watching.ghosts > ghosts) return;
    watching.ghosts = 0;
    this.#tally.note("ghosts laid");
    this.peek(subject);
  }

  [Symbol.dispose](): void {
    this.#outer?.close();
    for (const subject of this.#open) subject.dispose();
    for (const fd of this.#shared) io.close(fd);
    for (const file of this.#files) file?.close();
  }
}
