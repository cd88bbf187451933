import { expect, test } from "bun:test";
import fc from "fast-check";
import type { IOLoop } from "../src/index.ts";
import { testLoop } from "./support.ts";
import { FakeClocks } from "./support-clock.ts";

/** What a call does beside being noted down. */
type Action =
  | { readonly kind: "timeout"; readonly delay: number; readonly adds: readonly Action[] }
  | { readonly kind: "interval"; readonly period: number }
  | { readonly kind: "callback"; readonly adds: readonly Action[] }
  | { readonly kind: "remove"; readonly which: number }
  | { readonly kind: "work"; readonly ms: number };

interface Machine {
  act(action: Action): void;
  pass(): void;
  readonly log: string[];
  now: number;
}

class Real implements Machine {
  readonly log: string[] = [];
  readonly #loop: IOLoop;
  readonly #clocks: FakeClocks;
  readonly #refs: number[] = [];

  constructor(loop: IOLoop, clocks: FakeClocks) {
    this.#loop = loop;
    this.#clocks = clocks;
  }

  get now(): number {
    return this.#clocks.mono;
  }

  set now(time: number) {
    this.#clocks.mono = time;
  }

  act(action: Action): void {
    const name = `${action.kind} ${this.#refs.length}`;
    if (action.kind === "work") this.now += action.ms;
    else if (action.kind === "remove") {
      const ref = this.#refs[action.which % (this.#refs.length || 1)] ?? 0;
      this.log.push(`${this.#loop.removeTimeout(ref) || this.#loop.clearInterval(ref)}`);
    } else if (action.kind === "interval") {
      this.#refs.push(this.#loop.setInterval(action.period, () => this.log.push(name)));
    } else {
      const call = (): void => {
        this.log.push(name);
        for (const next of action.adds) this.act(next);
      };
      if (action.kind === "timeout") this.#refs.push(this.#loop.callLater(action.delay, call));
      else {
        this.#loop.addCallback(call);
        this.#refs.push(0);
      }
    }
  }

  pass(): void {
    this.#loop.runOnce(0);
  }
}

interface Timer {
  readonly kind: "timeout" | "interval";
  readonly period: number;
  due: number;
  readonly call: () => void;
}

/** The contract, done naively: lists that are searched through, and whole steps at a time. */
class Model implements Machine {
  readonly log: string[] = [];
  now: number;
  #timers: Timer[] = [];
  #callbacks: (() => void)[] = [];
  readonly #all: (Timer | undefined)[] = [];

  constructor(now: number) {
    this.now = now;
  }

  act(action: Action): void {
    const name = `${action.kind} ${this.#all.length}`;
    if (action.kind === "work") this.now += action.ms;
    else if (action.kind === "remove") {
      const timer = this.#all[action.which % (this.#all.length || 1)];
      const pending = timer !== undefined && this.#timers.includes(timer);
      this.#timers = this.#timers.filter((other) => other !== timer);
      this.log.push(`${pending}`);
    } else if (action.kind === "interval") {
      const { kind, period } = action;
      const due = this.now + period;
      this.#add({ kind, period, due, call: () => this.log.push(name) });
    } else {
      const call = (): void => {
        this.log.push(name);
        for (const next of action.adds) this.act(next);
      };
      if (action.kind === "callback") {
        this.#callbacks.push(call);
        this.#all.push(undefined);
      } else {
        const due = this.now + Math.max(action.delay, 0);
        this.#add({ kind: action.kind, period: 0, due, call });
      }
    }
  }

  pass(): void {
    for (const kind of ["timeout", "interval"] as const) {
      const began = this.now;
      // Array.sort is stable, and timers stand in the order added.
      const due = this.#timers
        .filter((timer) => timer.kind === kind && timer.due <= began)
        .sort((a, b) => a.due - b.due);
      for (const timer of due) {
        if (!this.#timers.includes(timer)) continue;
        if (kind === "timeout") this.#timers = this.#timers.filter((other) => other !== timer);
        else while (timer.due <= began) timer.due += timer.period;
        timer.call();
      }
    }
    for (const call of this.#callbacks.splice(0)) call();
  }

  #add(timer: Timer): void {
    this.#timers.push(timer);
    this.#all.push(timer);
  }
}

// Whole milliseconds, so that moments are often equal and the model's sums are exact.
const { action } = fc.letrec<{ action: Action; adds: Action[] }>((tie) => ({
  adds: fc.array(tie("action"), { maxLength: 3 }),
  action: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ kind: fc.constant("work" as const), ms: fc.nat({ max: 12 }) }),
    fc.record({ kind: fc.constant("remove" as const), which: fc.nat() }),
    fc.record({ kind: fc.constant("interval" as const), period: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant("callback" as const), adds: tie("adds") }),
    fc.record({
      kind: fc.constant("timeout" as const),
      delay: fc.integer({ min: -2, max: 9 }),
      adds: tie("adds"),
    }),
  ),
}));
const program = fc.array(fc.oneof(action, fc.constant("pass" as const)), {
  maxLength: 40,
  size: "max",
});

test("a loop calls what the contract says, in that order, whatever its calls add and remove", () => {
  fc.assert(
    fc.property(program, (steps) => {
      using clocks = new FakeClocks();
      using loop = testLoop();
      const machines: Machine[] = [new Real(loop, clocks), new Model(clocks.mono)];
      for (const machine of machines) {
        for (const step of steps) {
          if (step === "pass") machine.pass();
          else machine.act(step);
        }
        for (let pass = 0; pass < 5; pass++) {
          machine.now += 3;
          machine.pass();
        }
      }
      expect(machines[0]?.log).toEqual(machines[1]?.log ?? []);
      expect(machines[0]?.now).toBe(machines[1]?.now);
    }),
    { numRuns: 300 },
  );
});
