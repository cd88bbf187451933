import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Callback, CallbackQueue } from "../src/callback-queue.ts";
import { fail } from "./support.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";
import { pseudoRandom } from "./support-random.ts";
import { seedOfRun } from "./support-seed.ts";

/** More than one, so that a callback in another's place shows. */
const CALLBACKS: readonly Callback[] = Array.from({ length: 7 }, (_, name) => named(name));

function named(name: number): Callback {
  return () => name;
}

test("a pass runs what was queued before it began, in order, each with its argument", () => {
  const queue = new CallbackQueue();
  queue.add(named(1), "one");
  queue.add(named(2), "two");
  queue.begin();
  queue.add(named(3), "three");
  expect([queue.take()?.(0), queue.arg]).toEqual([1, "one"]);
  queue.add(named(4), "four");
  expect([queue.take()?.(0), queue.arg]).toEqual([2, "two"]);
  expect([queue.take(), queue.arg]).toEqual([undefined, undefined]);
  queue.begin();
  expect([queue.take()?.(0), queue.arg]).toEqual([3, "three"]);
  expect([queue.take()?.(0), queue.arg]).toEqual([4, "four"]);
  expect(queue.size).toBe(0);
});

test("nothing is taken before a pass begins", () => {
  const queue = new CallbackQueue();
  queue.add(named(1), undefined);
  expect(queue.take()).toBeUndefined();
  expect(queue.size).toBe(1);
});

test("a pass that was broken off goes on before newer callbacks", () => {
  const queue = new CallbackQueue();
  for (const name of [1, 2, 3]) queue.add(named(name), undefined);
  queue.begin();
  expect(queue.take()?.(0)).toBe(1);
  queue.add(named(4), undefined);
  queue.begin();
  expect([queue.take()?.(0), queue.take()?.(0), queue.take()]).toEqual([2, 3, undefined]);
  queue.begin();
  expect(queue.take()?.(0)).toBe(4);
});

const operation = fc.oneof(
  { weight: 8, arbitrary: fc.constant("add") },
  { weight: 8, arbitrary: fc.constant("take") },
  { weight: 3, arbitrary: fc.constant("begin") },
  { weight: 1, arbitrary: fc.constant("flood") },
  { weight: 1, arbitrary: fc.constant("clear") },
);

test(
  "does what two plain lists do, whatever is added, begun, taken and cleared",
  async () => {
    const property = fc.property(
      fc.array(operation, { maxLength: 200, size: "max" }),
      (operations) => {
        const queue = new CallbackQueue();
        let running: number[] = [];
        let incoming: number[] = [];
        let name = 0;
        const add = (): void => {
          queue.add(named(++name), -name);
          incoming.push(name);
        };
        for (const step of operations) {
          if (step === "add") add();
          else if (step === "flood") for (let count = 0; count < 100; count++) add();
          else if (step === "begin") {
            queue.begin();
            if (running.length === 0) [running, incoming] = [incoming, running];
          } else if (step === "clear") {
            queue.clear();
            running = [];
            incoming = [];
          } else {
            const expected = running.shift();
            expect(queue.take()?.(0)).toBe(expected);
            expect(queue.arg).toBe(expected === undefined ? undefined : -expected);
          }
          expect(queue.size).toBe(running.length + incoming.length);
        }
      },
    );
    await holds("callback queue", property, { runs: 500 });
  },
  PROPERTY_LIMIT_MS,
);

test("a burst beyond what is kept for the next one keeps its order, burst after burst", () => {
  const queue = new CallbackQueue();
  let wrong = 0;
  for (const burst of [100_000, 10, 70_000, 65_536, 1]) {
    for (let name = 0; name < burst; name++) queue.add(named(name), name);
    queue.begin();
    for (let name = 0; name < burst; name++) {
      if (queue.take()?.(0) !== name || queue.arg !== name) wrong++;
    }
    expect(queue.take()).toBeUndefined();
  }
  expect({ wrong, size: queue.size }).toEqual({ wrong: 0, size: 0 });
});

/** What the queue promises: the names of those of this pass that are left, and of the next one. */
class Passes {
  running: number[] = [];
  /** How many of `running` were taken. */
  taken = 0;
  incoming: number[] = [];

  get size(): number {
    return this.running.length - this.taken + this.incoming.length;
  }

  begin(): void {
    if (this.taken < this.running.length) return;
    this.running = this.incoming;
    this.taken = 0;
    this.incoming = [];
  }

  take(): number | undefined {
    return this.taken < this.running.length ? this.running[this.taken++] : undefined;
  }
}

test(
  "does what two plain lists do in a million operations, beyond what a burst may keep",
  () => {
    const seed = seedOfRun();
    const random = pseudoRandom(seed);
    const queue = new CallbackQueue();
    let passes = new Passes();
    let mostQueued = 0;
    for (let step = 0, adding = 50; step < 1_000_000; step++) {
      const choice = random(100);
      if (step % 100_000 === 0) adding = 20 + ((step / 100_000) % 3) * 35;
      if (choice < adding) {
        queue.add(CALLBACKS[step % CALLBACKS.length] as Callback, step);
        passes.incoming.push(step);
      } else if (choice < 98) {
        const expected = passes.take();
        const callback =
          expected === undefined ? undefined : CALLBACKS[expected % CALLBACKS.length];
        const right = queue.take() === callback && queue.arg === expected;
        if (!right)
          fail(`BUN_IOLOOP_SEED=${seed}, step ${step}: took ${queue.arg}, not ${expected}`);
      } else if (choice === 98 && adding < 90 && random(200) === 0) {
        queue.clear();
        passes = new Passes();
      } else {
        queue.begin();
        passes.begin();
      }
      if (queue.size !== passes.size) {
        fail(`BUN_IOLOOP_SEED=${seed}, step ${step}: size is ${queue.size}, not ${passes.size}`);
      }
      mostQueued = Math.max(mostQueued, queue.size);
    }
    expect(mostQueued).toBeGreaterThan(65_536);
  },
  PROPERTY_LIMIT_MS,
);
