import { test } from "bun:test";
import fc from "fast-check";
import { EDGE, ERROR, IOLoopError, ONESHOT, PRI, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { lacks } from "./support-backend.ts";
import { dup } from "./support-libc.ts";
import { Pair, Scripted, Subject } from "./support-model.ts";

/** What a program does to its loops, at rest or inside a handler, callback or timeout. */
type Action =
  | {
      readonly type: "add" | "update";
      readonly slot: number;
      readonly on: number;
      readonly mask: number;
    }
  | { readonly type: "remove"; readonly slot: number; readonly on: number }
  | {
      readonly type: "write" | "drain" | "fill" | "empty" | "closeFar" | Reopening;
      readonly slot: number;
    }
  | { readonly type: "callback"; readonly on: number }
  | { readonly type: "later"; readonly on: number; readonly delay: number }
  | { readonly type: "at"; readonly on: number; readonly tick: number }
  | { readonly type: "cancel"; readonly on: number; readonly which: number };

/** Closes both ends and opens new ones: handlers removed first, or not at all, or too late for a file that lives on. */
type Reopening = "reopen" | "reopenWatched" | "reopenHaunted";

interface Script {
  readonly actions: readonly Action[];
  readonly throws: boolean;
}

/** A step at rest; what it adds runs `script`. */
interface Step {
  readonly action: Action | { readonly type: "pass"; readonly on: number };
  readonly script: Script;
}

const SLOTS = 3;
const CHUNK = new Uint8Array(16_384);
const NOTHING: Script = { actions: [], throws: false };

class World implements Disposable {
  readonly #subjects = [new Subject(), new Subject()] as const;
  readonly #pairs = Array.from({ length: SLOTS }, () => new Pair());
  readonly #shared: number[] = [];
  /** Moments on the loop's clock that timers share. */
  readonly #start = performance.now() + 1;

  step({ action, script }: Step): void {
    if (action.type === "pass") this.#subjects[action.on === 0 ? 0 : 1].runPass();
    else this.#act(action, script);
  }

  #run(script: Script): void {
    for (const action of script.actions) this.#act(action, NOTHING);
    if (script.throws) throw new Scripted("on purpose");
  }

  #act(action: Action, script: Script): void {
    const run = (): void => this.#run(script);
    const subject = this.#subjects["on" in action && action.on === 1 ? 1 : 0];
    const pair = this.#pairs["slot" in action ? action.slot : 0];
    if (pair === undefined) throw new RangeError("no such slot");
    switch (action.type) {
      case "add": {
        // Odd slots are registered as objects: both are one key.
        const target = action.slot % 2 === 0 ? pair.near : { fd: pair.near };
        subject.add(pair, target, action.mask, run);
        break;
      }
      case "update":
        subject.update(pair.near, action.mask);
        break;
      case "remove":
        subject.remove(pair.near);
        break;
      case "callback":
        subject.addCallback(run);
        break;
      case "later":
        subject.addTimer(action.delay, undefined, run);
        break;
      case "at":
        subject.addTimer(0, this.#start + action.tick / 10, run);
        break;
      case "cancel":
        subject.removeTimer(action.which);
        break;
      case "write":
        this.#write(pair);
        break;
      case "drain":
        this.#drain(pair);
        break;
      case "fill":
        this.#fill(pair);
        break;
      case "empty":
        this.#empty(pair);
        break;
      case "closeFar":
        this.#closeFar(pair);
        break;
      case "reopen":
      case "reopenWatched":
      case "reopenHaunted":
        this.#reopen(action.slot, pair, action.type);
        break;
    }
  }

  #write(pair: Pair): void {
    if (!pair.farOpen) return;
    pair.unread += Math.max(io.write(pair.far, CHUNK, 0, 3), 0);
    for (const subject of this.#subjects) subject.happened(pair, READ);
  }

  #drain(pair: Pair): void {
    try {
      while (io.read(pair.near, new Uint8Array(256)) > 0);
    } catch (error) {
      // The far end left without reading.
      if (!(error instanceof IOLoopError) || error.code !== "ECONNRESET") throw error;
    }
    pair.unread = 0;
  }

  #fill(pair: Pair): void {
    if (!pair.farOpen) return;
    while (io.write(pair.near, CHUNK) > 0);
    pair.full = true;
  }

  #empty(pair: Pair): void {
    if (!pair.farOpen) return;
    while (io.read(pair.far, new Uint8Array(262_144)) > 0);
    pair.full = false;
    for (const subject of this.#subjects) subject.happened(pair, WRITE);
  }

  #closeFar(pair: Pair): void {
    if (!pair.farOpen) return;
    pair.farOpen = false;
    io.close(pair.far);
    for (const subject of this.#subjects) subject.happened(pair, ERROR);
  }

  #reopen(slot: number, pair: Pair, how: Reopening): void {
    if (how === "reopen") for (const subject of this.#subjects) subject.remove(pair.near);
    const haunted = how === "reopenHaunted";
    if (haunted) this.#shared.push(dup(pair.near));
    if (pair.farOpen) io.close(pair.far);
    io.close(pair.near);
    for (const subject of this.#subjects) subject.fdClosed(pair.near, haunted);
    if (haunted) for (const subject of this.#subjects) subject.remove(pair.near);
    this.#pairs[slot] = new Pair();
  }

  [Symbol.dispose](): void {
    for (const subject of this.#subjects) subject.close();
    for (const fd of this.#shared) io.close(fd);
    for (const { near, far, farOpen } of this.#pairs) {
      io.close(near);
      if (farOpen) io.close(far);
    }
  }
}

const haunting: readonly Reopening[] = lacks("sight of a close") ? [] : ["reopenHaunted"];

const slot = fc.nat({ max: SLOTS - 1 });
/** Most things happen on the first loop, so that they meet. */
const on = fc.constantFrom(0, 0, 0, 1);
const mask = fc.constantFrom(
  ...[READ, WRITE, READ | WRITE, READ | WRITE | PRI, READ | ERROR, ERROR, PRI, 0],
  ...[READ | ONESHOT, WRITE | ONESHOT, READ | EDGE, ERROR | ONESHOT, EDGE],
);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("add" as const), slot, on, mask }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("update" as const), slot, on, mask }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("remove" as const), slot, on }) },
  {
    weight: 9,
    arbitrary: fc.record({
      type: fc.constantFrom("write" as const, "write", "write", "drain", "drain", "fill", "empty"),
      slot,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("closeFar" as const), slot }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("reopen" as const), slot }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom<Reopening>("reopenWatched", ...haunting),
      slot,
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("callback" as const), on }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("later" as const),
      on,
      delay: fc.constantFrom(0, 0, -5, 0.1, 1e7),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("at" as const), on, tick: fc.nat({ max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("cancel" as const), on, which: fc.nat({ max: 9 }) }),
  },
);

const script: fc.Arbitrary<Script> = fc.record({
  actions: fc.array(action, { maxLength: 4, size: "max" }),
  throws: fc.constantFrom(false, false, false, true),
});

const step: fc.Arbitrary<Step> = fc.record({
  action: fc.oneof(
    { weight: 3, arbitrary: action },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("pass" as const), on }) },
  ),
  script,
});

test("loops do what a simple model says, whatever a program does to them", () => {
  const property = fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
    using world = new World();
    for (const each of steps) world.step(each);
  });
  fc.assert(property, {
    numRuns: 10_000,
    interruptAfterTimeLimit: 3000,
    // A slow machine stops earlier, and has still tested what it could.
    markInterruptAsFailure: false,
    includeErrorInReport: true,
  });
}, 20_000);
