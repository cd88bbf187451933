import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Callback, CallbackQueue } from "../src/callback-queue.ts";

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

test("does what two plain lists do, whatever is added, begun, taken and cleared", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200, size: "max" }), (operations) => {
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
    }),
    { numRuns: 100 },
  );
});

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
