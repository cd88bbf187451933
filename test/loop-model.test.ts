import { expect, test } from "bun:test";
import fc from "fast-check";
import type { IOLoop } from "../src/index.ts";
import { testLoop } from "./support.ts";
import { FakeClocks } from "./support-clock.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";

/** What a call does beside being noted down. */
type Action =
  | {
      /** A delay, a moment of the loop's clock or one of the wall clock, `ms` from now. */
      readonly kind: "later" | "at" | "wall";
      readonly ms: number;
      readonly adds: readonly Action[];
    }
  /** `pending`: each tick is a promise that "settle" settles. */
  | { readonly kind: "interval"; readonly period: number; readonly pending: boolean }
  | { readonly kind: "callback"; readonly adds: readonly Action[] }
  | { readonly kind: "remove"; readonly which: number }
  | { readonly kind: "settle" }
  | { readonly kind: "work"; readonly ms: number }
  /** The wall clock is set. */
  | { readonly kind: "step"; readonly ms: number };

interface Machine {
  act(action: Action): void;
  pass(): void;
  /** Whole milliseconds until there is something to do. */
  untilNext(): number;
  readonly log: string[];
  now: number;
}

class Real implements Machine {
  readonly log: string[] = [];
  readonly #loop: IOLoop;
  readonly #clocks: FakeClocks;
  readonly #refs: number[] = [];
  readonly #ticks: (() => void)[] = [];

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
    else if (action.kind === "step") this.#clocks.offset += action.ms;
    else if (action.kind === "settle") this.#ticks.shift()?.();
    else if (action.kind === "remove") {
      const ref = this.#refs[action.which % (this.#refs.length || 1)] ?? 0;
      this.log.push(`${this.#loop.removeTimeout(ref) || this.#loop.clearInterval(ref)}`);
    } else if (action.kind === "interval") {
      const tick = (): unknown => {
        this.log.push(name);
        return action.pending ? new Promise<void>((settle) => this.#ticks.push(settle)) : undefined;
      };
      this.#refs.push(this.#loop.setInterval(action.period, tick));
    } else {
      const call = (): void => {
        this.log.push(name);
        for (const next of action.adds) this.act(next);
      };
      if (action.kind === "callback") this.#loop.addCallback(call);
      this.#refs.push(action.kind === "callback" ? 0 : this.#add(action.kind, action.ms, call));
    }
  }

  pass(): void {
    this.#loop.runOnce(0);
  }

  untilNext(): number {
    return Math.floor(this.#loop.pollTimeout());
  }

  #add(kind: "later" | "at" | "wall", ms: number, call: () => void): number {
    if (kind === "later") return this.#loop.callLater(ms, call);
    if (kind === "at") return this.#loop.callAt(this.now + ms, call);
    return this.#loop.addTimeout(Date.now() + ms, call);
  }
}

interface Timer {
  readonly kind: "timeout" | "interval";
  readonly period: number;
  due: number;
  pending: boolean;
  readonly call: (timer: Timer) => void;
}

/** The contract, done naively: lists that are searched through, and whole steps at a time. */
class Model implements Machine {
  readonly log: string[] = [];
  now: number;
  #timers: Timer[] = [];
  #callbacks: (() => void)[] = [];
  readonly #all: (Timer | undefined)[] = [];
  readonly #ticks: Timer[] = [];

  constructor(now: number) {
    this.now = now;
  }

  act(action: Action): void {
    const name = `${action.kind} ${this.#all.length}`;
    if (action.kind === "work") this.now += action.ms;
    else if (action.kind === "settle") {
      const ticking = this.#ticks.shift();
      if (ticking !== undefined) ticking.pending = false;
    } else if (action.kind === "remove") {
      const timer = this.#all[action.which % (this.#all.length || 1)];
      const pending = timer !== undefined && this.#timers.includes(timer);
      this.#timers = this.#timers.filter((other) => other !== timer);
      this.log.push(`${pending}`);
    } else if (action.kind === "interval") {
      const { period } = action;
      const tick = (timer: Timer): void => {
        this.log.push(name);
        timer.pending = action.pending;
        if (action.pending) this.#ticks.push(timer);
      };
      this.#add("interval", this.now + period, tick, period);
    } else if (action.kind !== "step") {
      const call = (): void => {
        this.log.push(name);
        for (const next of action.adds) this.act(next);
      };
      if (action.kind === "callback") {
        this.#callbacks.push(call);
        this.#all.push(undefined);
      } else {
        // The clocks stand on whole milliseconds, and the wall clock is never early: just after its moment.
        const rounding = action.kind === "wall" && action.ms >= 0 ? 0.5 : 0;
        this.#add("timeout", this.now + Math.max(action.ms, 0) + rounding, call);
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
        if (!timer.pending) timer.call(timer);
      }
    }
    for (const call of this.#callbacks.splice(0)) call();
  }

  untilNext(): number {
    if (this.#callbacks.length > 0) return 0;
    const nearest = Math.min(...this.#timers.map(({ due }) => due));
    return Math.max(Math.floor(nearest - this.now), 0);
  }

  #add(kind: Timer["kind"], due: number, call: Timer["call"], period = 0): void {
    const timer = { kind, period, due, pending: false, call };
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
    fc.record({ kind: fc.constant("step" as const), ms: fc.constantFrom(-5000, 3000, 60_000) }),
    fc.record({ kind: fc.constant("remove" as const), which: fc.nat() }),
    fc.record({ kind: fc.constant("settle" as const) }),
    fc.record({
      kind: fc.constant("interval" as const),
      period: fc.integer({ min: 1, max: 9 }),
      pending: fc.constantFrom(false, false, true),
    }),
    fc.record({ kind: fc.constant("callback" as const), adds: tie("adds") }),
    fc.record({
      kind: fc.constantFrom("later" as const, "later", "at", "wall"),
      ms: fc.integer({ min: -2, max: 9 }),
      adds: tie("adds"),
    }),
  ),
}));
const program = fc.array(fc.oneof(action, fc.constant("pass" as const)), {
  maxLength: 40,
  size: "max",
});

test(
  "a loop calls what the contract says, in that order, whatever its calls add and remove",
  async () => {
    const property = fc.property(program, (steps) => {
      using clocks = new FakeClocks();
      // Another whole number of milliseconds between the clocks than the loop begins with.
      clocks.offset = Math.ceil(performance.timeOrigin) + 100;
      using loop = testLoop();
      const machines: Machine[] = [new Real(loop, clocks), new Model(clocks.mono)];
      for (const machine of machines) {
        for (const step of steps) {
          if (step === "pass") machine.pass();
          else machine.act(step);
          machine.log.push(`${machine.untilNext()}`);
        }
        for (let pass = 0; pass < 5; pass++) {
          machine.now += 3;
          machine.pass();
        }
      }
      expect(machines[0]?.log).toEqual(machines[1]?.log ?? []);
      expect(machines[0]?.now).toBe(machines[1]?.now);
    });
    await holds("timers on fake clocks", property, { runs: 2000 });
  },
  PROPERTY_LIMIT_MS,
);
