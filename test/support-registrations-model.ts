// A naive model of registrations, held against the real ones over a fake queue at every step.
import { ENOENT, IOLoopError } from "../src/errors.ts";
import { ERROR, INTEREST, ONESHOT, REARMED } from "../src/events.ts";
import type { Poller } from "../src/poller.ts";
import { Registrations } from "../src/registrations.ts";
import { untyped } from "./support.ts";
import {
  type Call,
  check,
  FakeQueue,
  type FakeRecord,
  generationOf,
  isLevel,
} from "./support-fake-queue.ts";
import {
  checkAnswer,
  checkQueue,
  deliverable,
  kernelMask,
  names,
  type Registration,
  Suspicion,
} from "./support-registrations-rules.ts";

/** A record of the batch, and what it was when the wait returned. */
interface Pending extends FakeRecord {
  /** Of a registration that was there then. */
  readonly live: boolean;
  /** The kernel was not to watch it then: it is of a file that its number has lost. */
  readonly lost: boolean;
}

export class World {
  readonly queue: FakeQueue;
  readonly registrations: Registrations;
  readonly #model = new Map<number, Registration>();
  readonly #refused = new Map<number, IOLoopError>();
  #batch: Pending[] = [];
  /** How often which things happened, so that a run can be seen to have met them. */
  readonly met = {
    ...{ told: 0, dropped: 0, ghosts: 0, refused: 0, resets: 0 },
    /** Errors alone that are armed again as a pause has dropped one, and records from before a pause or a removal. */
    ...{ rearmed: 0, outdated: 0 },
  };
  /** Fds that were changed since the last flush, and those whose change waits for the next. */
  readonly #touched = new Set<number>();
  readonly #dirty = new Set<number>();
  readonly #suspicion = new Suspicion();

  constructor(backend: "epoll" | "kqueue") {
    this.queue = new FakeQueue(backend);
    this.registrations = new Registrations(untyped<Poller>(this.queue), (fd, error) => {
      check(!this.#refused.has(fd), `fd ${fd} was refused twice`);
      this.#refused.set(fd, error);
    });
  }

  add(fd: number, mask: number): void {
    const taken = this.#model.has(fd);
    const error = this.#attempt(() => this.registrations.add(fd, mask));
    const calls = this.queue.takeCalls();
    if (taken) {
      check(error?.code === "EEXIST" && calls.length === 0, `fd ${fd} was added twice`);
      return;
    }
    this.#touched.add(fd);
    check(names(calls) === "add", `an add of fd ${fd} called ${names(calls)}`);
    const outcome = (calls[0] as Call).outcome;
    checkAnswer(error, outcome, `add of fd ${fd}`);
    if (outcome === 0) this.#entered(fd, { ...NEW, mask, told: kernelMask(mask) });
  }

  update(fd: number, mask: number): void {
    const registration = this.#model.get(fd);
    const error = this.#attempt(() => this.registrations.update(fd, mask));
    if (registration === undefined) {
      const quiet = this.queue.takeCalls().length === 0;
      check(error?.code === "ENOENT" && quiet, `fd ${fd} was updated, which is not there`);
      return;
    }
    this.#touched.add(fd);
    const before = { ...registration };
    registration.mask = mask;
    if ((mask & REARMED) !== 0) registration.rearm = true;
    if (this.registrations.deferring) {
      check(error === undefined, `a late update of fd ${fd} threw ${error}`);
      check(this.queue.takeCalls().length === 0, "an update in an iteration costs no call");
      this.#dirty.add(fd);
      return;
    }
    const calls = this.queue.takeCalls();
    const sent = this.#send(fd, registration, calls);
    checkAnswer(error, sent.outcome, `update of fd ${fd}`);
    if (sent.outcome < 0) {
      registration.mask = before.mask;
      registration.rearm = before.rearm;
      this.#expectRestored(fd, registration, calls.slice(sent.length));
    } else {
      check(calls.length === sent.length, `an update of fd ${fd} called ${names(calls)}`);
    }
  }

  remove(fd: number): void {
    const registration = this.#model.get(fd);
    const removed = this.registrations.remove(fd);
    check(removed === (registration !== undefined), `remove(${fd}) answered ${removed}`);
    const called = names(this.queue.takeCalls());
    const told = (registration?.told ?? 0) !== 0;
    check(called === (told ? "remove" : ""), `a removal of fd ${fd} called ${called}`);
    this.#model.delete(fd);
    this.#touched.add(fd);
  }

  close(fd: number): void {
    this.queue.close(fd);
    const registration = this.#model.get(fd);
    if (registration !== undefined) registration.intact = false;
  }

  /** Makes `number` name the open file behind `fd`. */
  duplicate(fd: number, number: number): void {
    const file = this.queue.table.get(fd);
    if (file === undefined || fd === number) return;
    this.close(number);
    this.queue.table.set(number, file);
  }

  maskOf(fd: number): number | undefined {
    return this.#model.get(fd)?.mask;
  }

  /** Whether a broken-off batch is still to be dispatched. */
  get unfinished(): boolean {
    return this.#batch.length > 0;
  }

  begin(): void {
    this.registrations.deferring = true;
  }

  wait(most: number): void {
    this.flush();
    this.#batch = this.queue.wait(most).map((record) => {
      const registration = this.#model.get(record.fd);
      const live = registration?.generation === generationOf(record.word);
      if (live && (registration.told & ONESHOT) !== 0) registration.spent = true;
      return { ...record, live, lost: live && registration.told === 0 };
    });
  }

  /** Has the next record of the batch delivered, or dropped; false at the end. */
  deliver(): boolean {
    const record = this.#batch.shift();
    if (record === undefined) return false;
    const { fd, word, live, lost } = record;
    const registration = this.#model.get(fd);
    const current = registration?.generation === generationOf(word);
    check(this.registrations.isCurrent(fd, word) === current, `fd ${fd} is current: ${current}`);
    const mask = current ? registration.mask : 0;
    const events = this.registrations.deliverable(fd, word);
    const right = deliverable(word, mask);
    check(events === right, `a record ${word & 0xff} of fd ${fd} told ${events}, not ${right}`);
    if (events !== 0) this.met.told++;
    if (registration !== undefined && !current) this.met.outdated++;
    if ((mask & INTEREST) === 0) {
      this.met.dropped++;
      if (!live || lost) {
        this.met.ghosts++;
        this.#suspicion.sight(!live && !this.#touched.has(fd));
      }
      // What is told once has just been told to nobody; or an older registration's was, which may look the same.
      if (registration !== undefined && !isLevel(registration.told)) {
        if (current) registration.rearm = true;
        else registration.rearm ||= "maybe";
      }
    }
    check(this.registrations.dropped === this.met.dropped, "every dropped record is counted");
    return true;
  }

  end(): void {
    if (this.unfinished) return;
    this.registrations.deferring = false;
    this.flush();
  }

  flush(): void {
    this.registrations.flush();
    this.#touched.clear();
    const calls = this.queue.takeCalls();
    const reset = calls.findIndex((call) => call.name === "reset");
    this.#expectSent(reset < 0 ? calls : calls.slice(0, reset));
    if (this.#suspicion.expectReset(calls[reset]?.outcome)) {
      this.met.resets++;
      this.#expectAnew(calls.slice(reset + 1));
    } else {
      check(reset < 0 || reset === calls.length - 1, "a queue that stays is told nothing");
    }
    check(this.#refused.size === 0, `refused for nothing: ${[...this.#refused.keys()]}`);
    checkQueue(this.queue, this.#model);
  }

  /** After everything, as a loop that closes does. */
  clear(): void {
    this.registrations.clear();
    for (const fd of this.#model.keys()) {
      check(!this.registrations.has(fd) && !this.registrations.remove(fd), "nothing is left");
    }
    check(this.queue.takeCalls().length === 0, "a clearing calls nobody");
  }

  /** Has the calls of a flush to be those that the changes need, and no other. */
  #expectSent(calls: readonly Call[]): void {
    const byFd = Map.groupBy(calls, (call) => call.fd);
    for (const fd of this.#dirty) {
      const registration = this.#model.get(fd);
      if (registration === undefined) continue;
      const own = byFd.get(fd) ?? [];
      byFd.delete(fd);
      const sent = this.#send(fd, registration, own);
      const rest = own.slice(sent.length);
      if (sent.outcome < 0) this.#expectRefused(fd, registration, sent.outcome, rest);
      else check(rest.length === 0, `fd ${fd} was sent by ${names(own)}`);
    }
    this.#dirty.clear();
    check(byFd.size === 0, `calls for nothing: fds ${[...byFd.keys()]}`);
  }

  /** The one call that takes the kernel to the mask, if one is needed, or two where the number names another file. */
  #send(
    fd: number,
    registration: Registration,
    calls: readonly Call[],
  ): { outcome: number; length: number } {
    const { told } = registration;
    const wanted = kernelMask(registration.mask);
    const rearm = registration.rearm === "maybe" ? calls.length > 0 : registration.rearm;
    if (registration.rearm === true && wanted === told && wanted === ERROR) this.met.rearmed++;
    registration.rearm = false;
    if (wanted === told && !(rearm && wanted !== 0)) return { outcome: 0, length: 0 };
    const expected = told === 0 ? "add" : wanted === 0 ? "remove" : "update";
    check(calls[0]?.name === expected, `fd ${fd}: ${expected} was due, not ${names(calls)}`);
    let outcome = calls[0].outcome;
    let length = 1;
    if (expected === "update" && outcome === -ENOENT) {
      check(calls[1]?.name === "add", `fd ${fd} was unknown: ${names(calls)}`);
      outcome = calls[1].outcome;
      length = 2;
      registration.told = 0;
    }
    if (outcome < 0) return { outcome, length };
    registration.told = wanted;
    registration.spent = false;
    if (wanted === 0) registration.generation = 0;
    else this.#entered(fd, registration);
    return { outcome, length };
  }

  /** What a queue let go of for an update that it then refused comes back as it was, if the queue lets it. */
  #expectRestored(fd: number, registration: Registration, calls: readonly Call[]): void {
    const { told, spent } = registration;
    const lost = !this.queue.interface.refusedUpdateKeepsOld && told !== 0 && !spent;
    check(names(calls) === (lost ? "add" : ""), `a refusal of fd ${fd} called ${names(calls)}`);
    if (!lost) return;
    if (calls[0]?.outcome === 0) this.#entered(fd, registration);
    else registration.told = 0;
  }

  #expectRefused(
    fd: number,
    registration: Registration,
    outcome: number,
    rest: readonly Call[],
  ): void {
    this.met.refused++;
    const error = this.#refused.get(fd);
    check(this.#refused.delete(fd), `the refusal of fd ${fd} was told to nobody`);
    checkAnswer(error, outcome, `refusal of fd ${fd}`);
    check(error?.fd === fd && !this.registrations.has(fd), `fd ${fd} is gone once it was refused`);
    const removal = registration.told === 0 ? "" : "remove";
    check(names(rest) === removal, `a refusal of fd ${fd} called ${names(rest)}`);
    this.#model.delete(fd);
    this.#touched.add(fd);
  }

  /** What a queue that was made anew is told: what is live, but for a ONESHOT that has fired. */
  #expectAnew(calls: readonly Call[]): void {
    const byFd = Map.groupBy(calls, (call) => call.fd);
    for (const [fd, registration] of this.#model) {
      if (registration.spent) registration.told = 0;
      if (registration.told === 0) continue;
      const [added, ...removal] = byFd.get(fd) ?? [];
      byFd.delete(fd);
      check(added?.name === "add", `fd ${fd} was not registered again`);
      if (added.outcome < 0) this.#expectRefused(fd, registration, added.outcome, removal);
      else this.#entered(fd, registration);
    }
    check(byFd.size === 0, `fds ${[...byFd.keys()]} were registered again for nothing`);
  }

  /** The queue took it, for the file that the number names now. */
  #entered(fd: number, registration: Registration): void {
    registration.generation = this.queue.generations.get(fd) as number;
    registration.intact = true;
    this.#model.set(fd, registration);
  }

  #attempt(change: () => void): IOLoopError | undefined {
    try {
      change();
    } catch (error) {
      if (!(error instanceof IOLoopError)) throw error;
      return error;
    }
    return;
  }
}

const NEW = { generation: 0, rearm: false, intact: true, spent: false } as const;
