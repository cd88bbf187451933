import { expect, test } from "bun:test";
import { type IOLoop, READ } from "../src/index.ts";
import { Fds, poke, run, testLoop } from "./support.ts";
import { addCall, type Source } from "./support-sources.ts";
import { NO_WAIT_MS, timed } from "./support-system.ts";

test("callbacks run once each, in the order added", () => {
  using loop = testLoop();
  const order: number[] = [];
  for (let index = 0; index < 1000; index++) loop.addCallback((arg) => order.push(arg), index);
  loop.runOnce(0);
  loop.runOnce(0);
  expect(order).toEqual(Array.from({ length: 1000 }, (_, index) => index));
});

test("a callback that is added twice runs twice", () => {
  using loop = testLoop();
  let runs = 0;
  const callback = (): void => {
    runs++;
  };
  loop.addCallback(callback).addCallback(callback);
  loop.runOnce(0);
  expect(runs).toBe(2);
});

test("a callback added from a callback runs in the next pass, and the loop does not sleep before it", () => {
  using loop = testLoop();
  const order: string[] = [];
  loop.addCallback(() => {
    order.push("outer");
    loop.addCallback(() => order.push("inner"));
  });
  loop.addCallback(() => order.push("second"));
  expect(timed(() => loop.runOnce(60_000))).toBeLessThan(NO_WAIT_MS);
  expect(order).toEqual(["outer", "second"]);
  expect(loop.pollTimeout()).toBe(0);
  loop.runOnce(0);
  expect(order).toEqual(["outer", "second", "inner"]);
});

test.each<Source>(["timeout", "interval", "handler", "microtask"])(
  "the loop does not sleep before a callback that was added by a %s",
  (source) => {
    using loop = testLoop();
    using fds = new Fds();
    addCall(loop, fds, source, () => loop.addCallback(() => loop.stop()));
    expect(timed(() => run(loop))).toBeLessThan(NO_WAIT_MS);
  },
);

test("a callback that adds itself again starves neither fds nor timeouts", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const runs = { callback: 0, handler: 0, timeout: 0 };
  const again = (): void => {
    runs.callback++;
    loop.addCallback(again);
  };
  const later = (): void => {
    runs.timeout++;
    loop.callLater(0, later);
  };
  loop.addCallback(again);
  loop.callLater(0, later);
  loop.addHandler(reader, READ, () => runs.handler++);
  poke(writer);
  for (let pass = 0; pass < 20; pass++) loop.runOnce(0);
  expect(runs).toEqual({ callback: 20, handler: 20, timeout: 20 });
});

test("what is no function is refused, and nothing is queued", () => {
  using loop = testLoop();
  for (const callback of [undefined, null, 1, "x", {}, []] as unknown as (() => void)[]) {
    expect(() => loop.addCallback(callback)).toThrow(TypeError);
  }
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
});

test("arguments pass through as they are", () => {
  using loop = testLoop();
  const got: unknown[] = [];
  const object = {};
  const keep = (arg: unknown): unknown => got.push(arg);
  for (const arg of [object, 0, null, false, "", undefined]) loop.addCallback(keep, arg);
  loop.runOnce(0);
  expect(got).toEqual([object, 0, null, false, "", undefined]);
  expect(got[0]).toBe(object);
});

test("what a callback, timeout or interval returns means nothing, unless it is a promise", () => {
  using loop = testLoop();
  const values = [{}, [], [() => 1], () => 1, 0, 1, "x", false, null, Symbol.iterator, 1n];
  let runs = 0;
  for (const value of values) {
    const returns = (): unknown => {
      runs++;
      return value;
    };
    loop.addCallback(returns);
    loop.callLater(0, returns);
  }
  // biome-ignore lint/suspicious/noThenProperty: an object that only looks like a promise.
  loop.addCallback(() => ({ then: ++runs }));
  loop.runOnce(0);
  loop.runOnce(0);
  expect(runs).toBe(values.length * 2 + 1);
});

test("a million callbacks run in order, also those that were added meanwhile", () => {
  using loop = testLoop();
  let next = 0;
  let wrong = 0;
  const check = (index: number): void => {
    if (index !== next++) wrong++;
  };
  for (let index = 0; index < 900_000; index++) loop.addCallback(check, index);
  loop.addCallback(() => {
    for (let index = 900_000; index < 1_000_000; index++) loop.addCallback(check, index);
  });
  loop.runOnce(0);
  loop.runOnce(0);
  expect({ next, wrong }).toEqual({ next: 1_000_000, wrong: 0 });
});

test("finished callbacks and timeouts, removed timers and handlers, and their arguments can be collected", () => {
  using loop = testLoop();
  using fds = new Fds();
  const weak = useUp(loop, fds);
  expect(weak.length).toBe(500);
  // Their places are taken, as they would be in a loop that goes on.
  for (let count = 0; count < 10; count++) loop.addCallback(() => {});
  loop.runOnce(0);
  Bun.gc(true);
  const alive = weak.filter((ref) => ref.deref() !== undefined).length;
  // The collector looks at the stack without knowing what is a pointer, so a few may stay.
  expect(alive).toBeLessThan(25);
});

function useUp(loop: IOLoop, fds: Fds): WeakRef<object>[] {
  const weak: WeakRef<object>[] = [];
  const [reader] = fds.pipe();
  const fresh = (): [() => object, object] => {
    const arg = { some: "argument" };
    const func = (): object => arg;
    weak.push(new WeakRef(arg), new WeakRef(func));
    return [func, arg];
  };
  for (let count = 0; count < 50; count++) {
    loop.addCallback(...fresh());
    loop.callLater(0, ...fresh());
    loop.removeTimeout(loop.callLater(1000, ...fresh()));
    loop.clearInterval(loop.setInterval(1000, ...fresh()));
    const [func, arg] = fresh();
    loop.addHandler(reader, READ, func, arg);
    loop.removeHandler(reader);
  }
  loop.runOnce(0);
  return weak;
}
