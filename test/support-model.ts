import { IOLoopError } from "../src/errors.ts";
import { EDGE, ERROR, INTEREST, ONESHOT, READ, REARMED, WRITE } from "../src/events.ts";
import { type CallContext, type FdLike, IOLoop } from "../src/index.ts";
import * as io from "../src/io.ts";
import { hearsHangUp, LASTING } from "./support-backend.ts";
import { FAILED, HUNG_UP } from "./support-events.ts";
import { check, HANDLERS, ScheduleModel } from "./support-model-schedule.ts";

/** What a script throws on purpose; anything else that a loop reports is a finding. */
export class Scripted extends Error {}

/** A socketpair: loops watch `near`, and the state of the pair says what `near` is ready for. */
export class Pair {
  readonly near: number;
  readonly far: number;
  farOpen = true;
  unread = 0;
  full = false;

  constructor() {
    [this.near, this.far] = io.socketpair();
  }

  /** What there is to tell to a handler for `mask`, and other things of those that it did not ask for. */
  readyFor(mask: number): number {
    if (!this.farOpen) return READ | WRITE | (hearsHangUp(mask) ? HUNG_UP : 0);
    return (this.unread > 0 ? READ : 0) | (this.full ? 0 : WRITE);
  }
}

interface Registration {
  readonly fd: number;
  readonly target: FdLike;
  /** Undefined once `fd` was closed under it: what the number names now is not the model's business. */
  pair: Pair | undefined;
  mask: number;
  /** What the kernel was told last. */
  armed: number;
  rearm: boolean;
  /** Something happened since the kernel looked last: what edge-triggered registrations wait for. */
  fresh: boolean;
  /** A ONESHOT that has had its shot. */
  fired: boolean;
  /** Its mask was changed while the batch was dispatched. */
  touched: boolean;
}

/** What a wait found, for one registration. */
interface Seen {
  readonly ready: number;
  readonly mask: number;
  readonly known: boolean;
  readonly farOpen: boolean;
  /** The batch may hold a record for it. */
  readonly tellable: boolean;
  /** The batch does hold a record for it. */
  readonly told: boolean;
}

/** One real loop with what the model knows of it. */
export class Subject {
  readonly #registrations = new Map<number, Registration>();
  readonly #loop: IOLoop;
  readonly #schedule = new ScheduleModel();
  /** A file that it cannot name any more makes the loop register all others again, sooner or later. */
  #haunted = false;
  #batch: Map<Registration, Seen> | undefined;
  #called = new Set<Registration>();
  #calls = 0;
  #expected: { error: Scripted; source: string; id: number | undefined } | undefined;

  constructor() {
    this.#loop = new IOLoop({ onError: (error, context) => this.#onError(error, context) });
  }

  close(): void {
    this.#loop.close();
  }

  add(pair: Pair, target: FdLike, mask: number, script: () => void): void {
    const fd = pair.near;
    const registration: Registration = {
      fd,
      target,
      pair,
      mask,
      armed: mask,
      rearm: false,
      fresh: true,
      fired: false,
      touched: false,
    };
    const taken = this.#registrations.has(fd);
    const handler = (arg: Registration, given: FdLike, events: number): void => {
      check(arg === registration && given === target, "arg first, then the target as registered");
      this.#handlerCalled(registration, events);
      this.#run(script, "handler", fd, () => {
        if (this.#registrations.get(fd) === registration) this.#registrations.delete(fd);
      });
    };
    try {
      check(this.#loop.addHandler(target, mask, handler, registration), "addHandler answers true");
      check(!taken, `addHandler took fd ${fd} twice`);
      this.#registrations.set(fd, registration);
    } catch (error) {
      check(error instanceof IOLoopError && error.code === "EEXIST" && taken, String(error));
    }
  }

  update(fd: number, mask: number): void {
    const registration = this.#registrations.get(fd);
    try {
      check(this.#loop.updateHandler(fd, mask), "updateHandler answers true");
    } catch (error) {
      if (!(error instanceof IOLoopError)) throw error;
      // The kernel may refuse a number that was closed; then the old mask stays.
      const refusable = registration?.pair === undefined && !this.#schedule.running;
      const right = registration === undefined ? error.code === "ENOENT" : refusable;
      check(right, String(error));
      return;
    }
    check(registration !== undefined, `updateHandler knew fd ${fd}, which has no handler`);
    registration.mask = mask;
    registration.touched = true;
    if ((mask & REARMED) !== 0) registration.rearm = true;
    if (!this.#schedule.running) this.#flush();
  }

  remove(fd: number): void {
    const removed = this.#loop.removeHandler(fd);
    check(removed === this.#registrations.delete(fd), `removeHandler(${fd}) answered ${removed}`);
  }

  addCallback(script: () => void): void {
    const callback = this.#schedule.addCallback();
    const returned = this.#loop.addCallback(() => {
      this.#schedule.callbackCalled(callback);
      this.#run(script, "callback", undefined);
    });
    check(returned === this.#loop, "addCallback answers the loop");
  }

  /** A timeout by delay, or, with `moment`, at a time on the loop's clock. */
  addTimer(delayMs: number, moment: number | undefined, script: () => void): void {
    const run = (): void => {
      this.#schedule.timerCalled(timer);
      this.#run(script, "timeout", ref);
    };
    const before = performance.now();
    const ref =
      moment === undefined ? this.#loop.callLater(delayMs, run) : this.#loop.callAt(moment, run);
    const after = performance.now();
    const lower = Math.max(moment ?? before + delayMs, before);
    const timer = this.#schedule.addTimer(ref, lower, Math.max(moment ?? after + delayMs, after));
  }

  /** Removes one of the pending timers, then finds that it is gone. */
  removeTimer(which: number): void {
    const timer = this.#schedule.takeTimer(which);
    const ref = timer?.ref ?? 0;
    const pending = this.#loop.removeTimeout(ref);
    check(pending === (timer !== undefined), "removeTimeout tells what was pending");
    check(!this.#loop.removeTimeout(ref), "a removed timer is not pending");
  }

  /** One `runOnce(0)`, held against the model. */
  runPass(): void {
    this.#batch = undefined;
    this.#called = new Set();
    this.#calls = 0;
    this.#schedule.begin();
    const calls = this.#loop.runOnce(0);
    this.#batch ??= this.#look();
    this.#flush();
    this.#schedule.end();

    check(this.#expected === undefined, "a thrown error reaches onError");
    check(calls === this.#calls, `runOnce answered ${calls} for ${this.#calls} calls`);
    for (const [registration, { told, known }] of this.#batch) {
      const { fd, touched } = registration;
      const missed = told && known && !touched && !this.#called.has(registration);
      check(
        !missed || this.#registrations.get(fd) !== registration,
        `fd ${fd} was ready, not called`,
      );
    }
  }

  /** The number was closed: the kernel forgets what it watched there, unless the file is `shared`. */
  fdClosed(fd: number, shared: boolean): void {
    const registration = this.#registrations.get(fd);
    if (registration === undefined) return;
    registration.pair = undefined;
    this.#haunted ||= shared;
  }

  /** Something happened at `pair` that wakes edge-triggered registrations for any of `events`. */
  happened(pair: Pair, events: number): void {
    const registration = this.#registrations.get(pair.near);
    if (registration?.pair === pair && (events & (registration.mask | HUNG_UP)) !== 0) {
      registration.fresh = true;
    }
  }

  /** Brings what the kernel knows up to the masks. */
  #flush(): void {
    for (const registration of this.#registrations.values()) {
      const { mask, armed, rearm } = registration;
      registration.rearm = false;
      if (mask === armed && !rearm) continue;
      registration.armed = mask;
      registration.fresh = true;
      registration.fired = false;
    }
  }

  /** What the kernel finds in the wait of this pass. */
  #look(): Map<Registration, Seen> {
    this.#flush();
    const batch = new Map<Registration, Seen>();
    for (const registration of this.#registrations.values()) {
      const { mask, pair, fresh, fired } = registration;
      const ready = pair?.readyFor(mask) ?? 0;
      const known = pair !== undefined;
      const farOpen = pair?.farOpen ?? true;
      const level = (mask & EDGE) === 0 && (mask & LASTING) !== 0;
      const watched = (mask & INTEREST) !== 0 && (ready & (mask | HUNG_UP)) !== 0;
      const tellable = watched && !fired;
      const told = tellable && (level || fresh);
      batch.set(registration, { ready, mask, known, farOpen, tellable, told });
      registration.touched = false;
      registration.fresh = false;
      if (told && (mask & ONESHOT) !== 0) registration.fired = true;
    }
    return batch;
  }

  #handlerCalled(registration: Registration, events: number): void {
    this.#schedule.enter(HANDLERS);
    this.#batch ??= this.#look();
    const { fd, mask } = registration;
    const seen = this.#batch.get(registration);
    check(this.#registrations.get(fd) === registration, `fd ${fd} was called after its removal`);
    check(seen !== undefined, `fd ${fd} was called in the batch that added it`);
    this.#calls++;
    const again = this.#called.has(registration);
    check(!again || !seen.known, `fd ${fd} was called twice in one batch`);
    this.#called.add(registration);
    check(events !== 0 && (mask & INTEREST) !== 0, `fd ${fd} was called while paused`);
    check((events & ~(mask | ERROR) & INTEREST) === 0, `fd ${fd} got bits it did not ask for`);
    if (!seen.known) return;
    const told = seen.told || (this.#haunted && seen.tellable);
    check(told, `fd ${fd} was called with nothing to tell`);
    // The far end left something unread: an error, and with that a hang-up in any case.
    const failed = seen.farOpen ? 0 : events & FAILED;
    const hangUp = failed === 0 ? seen.ready & HUNG_UP : HUNG_UP;
    const asked = hangUp === 0 ? seen.ready & seen.mask & mask : mask & (READ | WRITE);
    const right = asked | hangUp | failed;
    check(events === right, `fd ${fd} got ${events}, not ${right}`);
  }

  #run(script: () => void, source: string, id: number | undefined, thrown = (): void => {}): void {
    try {
      script();
    } catch (error) {
      if (error instanceof Scripted) {
        thrown();
        this.#expected = { error, source, id };
      }
      throw error;
    }
  }

  #onError(error: unknown, context: CallContext): void {
    if (context.source === "update") {
      const fd = context.fd ?? -1;
      check(this.#registrations.get(fd)?.pair === undefined, `update of fd ${fd}: ${error}`);
      check(!this.#loop.removeHandler(fd), "a refused update removes the handler");
      check(this.#registrations.delete(fd), "a refused update is of a handler");
      return;
    }
    const expected = this.#expected;
    this.#expected = undefined;
    if (expected === undefined || error !== expected.error) throw error;
    const id = context.fd ?? context.ref;
    check(context.source === expected.source && id === expected.id, "onError is told who threw");
  }
}
