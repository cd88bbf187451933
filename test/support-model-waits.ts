import { READ, WRITE } from "../src/index.ts";
import { check } from "./support-model-check.ts";
import type { ModelFile } from "./support-model-file.ts";
import { RunningSubject } from "./support-model-runs.ts";
import { TIMEOUTS, type Timer } from "./support-model-schedule.ts";
import { isError, isTimeout, type Script } from "./support-model-subject.ts";
import type { Registration } from "./support-model-watching.ts";

const MASKS = { readable: READ, writable: WRITE };

/** A promise that waits for an fd, or for its time. */
interface Wait {
  readonly controller: AbortController | undefined;
  registration: Registration | undefined;
  timer: Timer | undefined;
  /** Whether a reason is the right one, where something has ended it. */
  rejected: ((reason: unknown) => boolean) | undefined;
}

/**
 * A subject that can be awaited. What awaits goes on in the microtasks after the call that settles it, before anybody
 * else is called, and so counts as that call.
 */
export class AwaitedSubject extends RunningSubject {
  readonly #waits = new Set<Wait>();

  /** Waits for `file`, with a timeout if there is one. */
  ready(
    file: ModelFile,
    direction: keyof typeof MASKS,
    timeout: number | undefined,
    abortable: boolean,
    script: Script,
  ): void {
    const { watching } = this.model;
    const mask = MASKS[direction];
    if (file.fitting(mask) !== mask || this.#waitFor(file.near) !== undefined) return;
    const taken = watching.registrations.has(file.near);
    const wait = this.#open(abortable);
    const signal = wait.controller?.signal;
    const before = performance.now();
    const promise = this.loop[direction](file.near, { signal, timeout });
    if (taken) wait.rejected = (reason) => isError(reason, "EEXIST");
    else {
      wait.registration = watching.add(file, file.near, mask);
      wait.timer = this.#timer(before, timeout);
    }
    this.#follow(wait, promise, script, (events) => {
      const { registration } = wait;
      if (registration === undefined) throw new Error(`${direction} resolved for nothing`);
      this.model.handlerCalled((batch) => watching.called(registration, events, batch));
    });
  }

  sleep(ms: number, abortable: boolean, script: Script): void {
    const wait = this.#open(abortable);
    const before = performance.now();
    const promise = this.loop.sleep(ms, { signal: wait.controller?.signal });
    wait.timer = this.#timer(before, ms);
    this.#follow(wait, promise, script, () => this.#timerCalled(wait));
  }

  /** Aborts one of the waits that can be. */
  abort(which: number): void {
    const waits = [...this.#waits].filter(({ controller }) => controller !== undefined);
    const wait = waits[which % (waits.length || 1)];
    if (wait === undefined) return;
    const reason = new Error("aborted");
    this.#end(wait, (given) => given === reason);
    wait.controller?.abort(reason);
    this.tally.note("a wait aborted");
  }

  override update(fd: number, mask: number): void {
    // The mask of an fd that is awaited is the loop's affair.
    if (this.#waitFor(fd) === undefined) super.update(fd, mask);
  }

  override close(file: ModelFile, which: number): void {
    for (const wait of this.#waits) {
      this.#end(wait, (reason) => isError(reason, "ERR_LOOP_CLOSED"));
      this.tally.note("a wait ended by close()");
    }
    super.close(file, which);
  }

  /** Whether a wait was ended and has not settled, though all microtasks have run. */
  get owesAnswer(): boolean {
    return [...this.#waits].some(({ rejected }) => rejected !== undefined);
  }

  protected override forgotten(fd: number): void {
    const wait = this.#waitFor(fd);
    if (wait === undefined) return;
    this.#end(wait, (reason) => isError(reason, "ECANCELED"));
    this.tally.note("a wait ended by removeHandler()");
  }

  #open(abortable: boolean): Wait {
    const controller = abortable ? new AbortController() : undefined;
    const wait = { controller, registration: undefined, timer: undefined, rejected: undefined };
    this.#waits.add(wait);
    return wait;
  }

  #timer(before: number, ms: number | undefined): Timer | undefined {
    if (ms === undefined) return undefined;
    const delay = Math.max(ms, 0);
    return this.model.schedule.addTimeout(undefined, before + delay, performance.now() + delay);
  }

  #follow<T>(wait: Wait, promise: Promise<T>, script: Script, resolved: (value: T) => void): void {
    const settled = (how: () => void): void => {
      this.guarded(() => {
        how();
        const ended = wait.rejected !== undefined;
        this.#take(wait);
        this.#waits.delete(wait);
        // Who was ended by another call does not act: its turn comes with whatever runs microtasks next.
        if (!ended) this.model.call(script);
      });
    };
    promise.then(
      (value) =>
        settled(() => {
          check(wait.rejected === undefined, "a wait that was ended does not resolve");
          resolved(value);
        }),
      (reason) =>
        settled(() => {
          if (wait.rejected !== undefined) {
            check(wait.rejected(reason), `a wait rejects with ${reason}`);
            return;
          }
          this.#timerCalled(wait);
          check(isTimeout(reason), `a wait rejects with ${reason}`);
          this.tally.note("a wait timed out");
        }),
    );
  }

  #timerCalled({ timer }: Wait): void {
    if (timer === undefined) throw new Error("a wait without a timeout has ended by itself");
    this.model.enter(TIMEOUTS);
    this.model.schedule.timerCalled(timer);
  }

  #waitFor(fd: number): Wait | undefined {
    const registered = (wait: Wait): boolean => wait.registration?.fd === fd;
    return [...this.#waits].find((wait) => registered(wait) && wait.rejected === undefined);
  }

  #end(wait: Wait, rejected: (reason: unknown) => boolean): void {
    wait.rejected ??= rejected;
    this.#take(wait);
  }

  /** Nothing of it stays registered. */
  #take({ registration, timer }: Wait): void {
    const { watching, schedule } = this.model;
    if (registration !== undefined && watching.isCurrent(registration)) {
      watching.registrations.delete(registration.fd);
    }
    if (timer !== undefined && schedule.isPending(timer)) schedule.remove(timer);
  }
}
