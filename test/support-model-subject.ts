import { type CallContext, IOLoop, IOLoopError, type LoopMetrics } from "../src/index.ts";
import { check, type Tally } from "./support-model-check.ts";
import { LoopModel } from "./support-model-loop.ts";
import type { Registration } from "./support-model-watching.ts";

/** What a script throws on purpose; anything else that a loop reports is a finding. */
export class Scripted extends Error {}

/** How a call ends: by returning, by throwing, or by a promise that rejects; `escapes`: onError throws it on. */
export interface Ending {
  readonly by: "returning" | "throwing" | "rejecting";
  readonly escapes: boolean;
}

/** What a call does, and how it ends. */
export type Script = () => Ending;

type Source = CallContext["source"];

interface Expected {
  readonly error: Scripted;
  readonly source: Source;
  readonly id: number | undefined;
  readonly escapes: boolean;
}

/** One real loop beside its model: how it calls a program, and what becomes of errors. */
export class Subject {
  readonly model: LoopModel;
  readonly loop: IOLoop;
  readonly tally: Tally;
  /** Those that Bun's loop turns at the moment. */
  readonly hosted: Set<LoopModel>;
  #metrics: LoopMetrics | undefined;
  #expected: Expected | undefined;
  #escaping: Scripted | undefined;

  constructor(maxEvents: number, tally: Tally, hosted: Set<LoopModel>) {
    this.tally = tally;
    this.hosted = hosted;
    this.model = new LoopModel(maxEvents, tally, hosted, () => this.#turns());
    const onError = (error: unknown, context: CallContext): void => this.#onError(error, context);
    this.loop = new IOLoop({ maxEvents, onError });
  }

  dispose(): void {
    this.loop.close();
  }

  /** What onError has thrown: it leaves the run, and nothing else does. */
  takeEscaped(): Scripted | undefined {
    const escaping = this.#escaping;
    this.#escaping = undefined;
    check(this.#expected === undefined, "what a call throws or rejects with reaches onError");
    return escaping;
  }

  protected change(registration: Registration, mask: number): void {
    this.model.watching.update(registration, mask);
    if (!this.model.deferring) this.model.watching.flush();
  }

  /** Does in a microtask what may fail there: that is thrown at the next chance. */
  protected guarded(attempt: () => void): void {
    try {
      attempt();
    } catch (error) {
      this.model.failure ??= error;
    }
  }

  /** An fd has lost its handler, by `remove` or by a refusal. */
  protected forgotten(_fd: number): void {}

  /** Runs a script as the loop's call, and ends as it says; `thrown` is what the loop does before it reports. */
  protected call(
    script: Script,
    source: Source,
    id: number | undefined,
    thrown = (): void => {},
  ): unknown {
    check(this.#expected === undefined, "what a call throws or rejects with reaches onError");
    check(this.#escaping === undefined, "what onError throws leaves the run at once");
    const { by, escapes } = this.model.call(script);
    if (by === "returning") return undefined;
    const error = new Scripted("on purpose");
    this.#expected = { error, source, id, escapes };
    if (by === "rejecting") return Promise.reject(error);
    thrown();
    throw error;
  }

  #turns(): number {
    this.#metrics = this.loop.metrics(this.#metrics);
    return this.#metrics.iterations;
  }

  #onError(error: unknown, { source, fd, ref }: CallContext): void {
    if (source === "update") {
      const registration = this.model.watching.registrations.get(fd);
      check(registration !== undefined && registration.file === undefined, `${error}`);
      check(!this.loop.removeHandler(fd), "a refused update removes the handler");
      this.model.watching.registrations.delete(fd);
      this.forgotten(fd);
      this.tally.note("an update refused late");
      return;
    }
    const expected = this.#expected;
    if (expected === undefined || error !== expected.error) throw error;
    this.#expected = undefined;
    const right = source === expected.source && (fd ?? ref) === expected.id;
    check(right, "onError is told who threw");
    if (!expected.escapes || !this.model.mayBreakOff) return;
    this.#escaping = expected.error;
    throw error;
  }
}

export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

export function isError(error: unknown, code: string): boolean {
  return error instanceof IOLoopError && error.code === code;
}
