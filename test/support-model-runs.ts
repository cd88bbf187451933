import { fail, ignore, thrownBy } from "./support.ts";
import { soon } from "./support-hosted.ts";
import { AskedSubject } from "./support-model-asked.ts";
import { check } from "./support-model-check.ts";
import type { Timer } from "./support-model-schedule.ts";
import { isError, isTimeout, Scripted } from "./support-model-subject.ts";

/** Far above what a run takes, so that only a defect comes to it. */
const GUARD_MS = 10_000;
/** Less than a test loop's `maxWait`, at which a wait ends in any case. */
const LONG_WAIT_MS = 3000;
/** More than it takes to begin a run. */
const A_WHILE_MS = 5000;
/** Where nothing comes, so that a test waits little. */
const SHORT_WAIT_MS = 0.02;

/** What `runUntil` waits for. */
export const WORKS = ["resolves", "rejects", "acts", "settled", "throws", "expires"] as const;
export type Work = (typeof WORKS)[number];

export const RUNS = ["start", "runOnce(0)", "runOnce(5)", "runUntil"] as const;
export type RunKind = (typeof RUNS)[number];

const RESULT = 7;

/** A subject that runs. What runs until it is stopped has a callback in each pass, so that passes can be told apart. */
export class RunningSubject extends AskedSubject {
  /** Counts runs, so that such a callback knows whether its run is over. */
  #runs = 0;

  runOnce(): void {
    let calls = 0;
    const { left, counted } = this.#hold(false, never, () => {
      calls = this.loop.runOnce(0);
    });
    check(left || calls === counted, `runOnce answered ${calls} for ${counted} calls`);
  }

  /** One pass that may wait: where it would end at once, it may wait long. */
  runOnceWaiting(): void {
    const waitMs = this.model.endsWait ? LONG_WAIT_MS : SHORT_WAIT_MS;
    const began = performance.now();
    this.#hold(false, never, () => this.loop.runOnce(waitMs));
    const waited = performance.now() - began >= LONG_WAIT_MS;
    check(!waited, "a wait ends where there is something to do");
  }

  /** A run of so many passes, unless a script ends it before. */
  start(passes: number): void {
    this.#begin(passes, () => this.stop());
    const guard = this.#guard();
    this.#hold(true, never, () => this.loop.start());
    this.#endGuard(guard);
  }

  /** The same, by Bun's loop; `stays`: after those passes it sleeps, and somebody else has to stop it. */
  async host(passes: number, stays: boolean): Promise<void> {
    this.#begin(passes, stays ? ignore : () => this.stop());
    const guard = this.#guard();
    this.model.idles ||= stays;
    this.model.begin(true);
    this.hosted.add(this.model);
    const thrown = await soon(this.loop.run()).then(ignore, (error) => error);
    this.hosted.delete(this.model);
    this.guarded(() => this.#end(thrown));
    this.model.rethrow();
    this.#endGuard(guard);
  }

  /** A run until its work has settled, in the pass of that number, unless a script ends it before. */
  runUntil(work: Work, passes: number, limitMs: number | undefined, act: () => void): void {
    const timeout = work === "expires" ? 0 : limitMs;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const reason = new Scripted("the work's own");
    let settled = work === "settled" || work === "throws";
    const settle = (): void => {
      settled = true;
      if (work === "rejects") reject(reason);
      else resolve(RESULT);
    };
    if (work === "settled") resolve(RESULT);
    const works = async (): Promise<number> => {
      this.model.call(act);
      if (work === "throws") throw reason;
      return await promise;
    };
    const expires = work === "expires";
    this.#begin(passes, expires ? ignore : settle);
    const guard = this.#guard();
    const limit = expires ? undefined : this.#limit(timeout);
    let result: number | undefined;
    let stopped = false;
    this.model.expires = expires;
    if (expires) this.model.expiries++;
    const { left, thrown } = this.#hold(
      true,
      () => settled || expires,
      () => {
        try {
          const what = work === "acts" || work === "throws" ? works : promise;
          result = this.loop.runUntil(what, timeout === undefined ? {} : { timeout });
        } finally {
          stopped = this.model.stopping;
        }
      },
      (error) => error === reason || isRunUntilError(error),
    );
    this.model.expires = false;
    if (limit !== undefined && !this.model.closed) this.model.schedule.remove(limit);
    this.#endGuard(guard);
    if (left) return;
    this.tally.note(`runUntil: ${work}`);
    if (settled) check(thrown === undefined ? result === RESULT : thrown === reason, "its outcome");
    else if (this.model.closed) {
      // Its timeout may have come before that.
      check(isError(thrown, "ERR_LOOP_CLOSED") || (expires && isTimeout(thrown)), `${thrown}`);
    } else if (expires) check(isTimeout(thrown), `${thrown}`);
    else check(stopped && isError(thrown, "ERR_LOOP_STOPPED"), `${thrown}`);
  }

  /** A run within a run, which is refused and changes nothing. */
  refuse(kind: RunKind): void {
    const runs: Record<RunKind, () => void> = {
      start: () => this.loop.start(),
      "runOnce(0)": () => this.loop.runOnce(0),
      "runOnce(5)": () => this.loop.runOnce(5),
      runUntil: () => this.loop.runUntil(() => fail("runUntil called its work in a refused run")),
    };
    const error = thrownBy(runs[kind]);
    check(isError(error, "ERR_LOOP_RUNNING"), String(error));
    this.tally.note(`${kind} refused ${this.model.running ? "inside itself" : "inside another"}`);
  }

  #hold(
    many: boolean,
    done: () => boolean,
    run: () => void,
    isOutcome: (error: unknown) => boolean = never,
  ): { readonly left: boolean; readonly counted: number; readonly thrown: unknown } {
    this.model.begin(many, done);
    let thrown: unknown;
    try {
      run();
    } catch (error) {
      thrown = error;
    }
    return this.#end(thrown, isOutcome);
  }

  #end(thrown: unknown, isOutcome: (error: unknown) => boolean = never) {
    this.model.rethrow();
    const expected = thrown === undefined || thrown instanceof Scripted || isOutcome(thrown);
    // What a check inside says comes before what a broken model says after it.
    if (!expected) throw thrown;
    const escaped = this.takeEscaped();
    const left = escaped !== undefined;
    if (left) check(thrown === escaped, "what onError throws leaves the run");
    else if (thrown !== undefined && !isOutcome(thrown)) throw thrown;
    const counted = this.model.end(left);
    return { left, counted, thrown };
  }

  /** Has a callback in each pass of the run that comes; the last one calls `last`. */
  #begin(passes: number, last: () => void): void {
    const run = ++this.#runs;
    const beat = (left: number): void => {
      this.addCallback(() => {
        if (this.#runs === run && this.model.running) {
          if (left <= 1) last();
          else beat(left - 1);
        }
        return { by: "returning", escapes: false };
      });
    };
    beat(passes);
  }

  #guard(): number {
    return this.addTimeout("later", GUARD_MS, () => fail("the run was not ended"));
  }

  /** The loop's own timer for the length of a run. */
  #limit(timeout: number | undefined): Timer | undefined {
    if (timeout === undefined) return undefined;
    const now = performance.now();
    return this.model.schedule.addTimeout(undefined, now + timeout, now + timeout + A_WHILE_MS);
  }

  #endGuard(ref: number): void {
    this.#runs++;
    if (!this.model.closed) this.cancelRef(ref);
  }
}

function isRunUntilError(error: unknown): boolean {
  return (
    isTimeout(error) || isError(error, "ERR_LOOP_STOPPED") || isError(error, "ERR_LOOP_CLOSED")
  );
}

function never(): boolean {
  return false;
}
