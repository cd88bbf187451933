import { describe, expect, spyOn, test } from "bun:test";
import { constants } from "node:os";
import { IOLoop, READ, wake } from "../src/index.ts";
import { ioloop, TurboIOLoop } from "../src/turbo.ts";
import { ignore, run, testLoop, thrownBy, untyped } from "./support.ts";
import { revokedProxy } from "./support-abuse.ts";
import { reasonOf } from "./support-awaiting.ts";
import { NO_WAIT_MS } from "./support-system.ts";

test.each([
  ["null", null],
  ["a number", 1],
  ["text", "loop"],
  ["an object", {}],
  ["its own namespace", ioloop],
])("Turbo's loop over %s is refused, and the error names it", (_what, value) => {
  const error = thrownBy(() => new TurboIOLoop(untyped(value)));
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message).toMatch(/^loop must be an IOLoop, not /);
});

test("a revoked proxy is told of as any other wrong argument", () => {
  using loop = testLoop();
  const { SIGUSR2 } = constants.signals;
  const attempts: [parameter: string, attempt: () => unknown][] = [
    ["events", () => loop.addHandler(0, revokedProxy(), ignore)],
    ["handler", () => loop.addHandler(0, READ, revokedProxy())],
    ["timestamp", () => loop.addTimeout(revokedProxy(), ignore)],
    ["func", () => loop.callLater(1, revokedProxy())],
    ["msec", () => loop.setInterval(revokedProxy(), ignore)],
    ["callback", () => loop.addCallback(revokedProxy())],
    ["timeoutMs", () => loop.runOnce(revokedProxy())],
    ["signal", () => loop.addSignalHandler(revokedProxy(), ignore)],
    ["handler", () => loop.addSignalHandler(SIGUSR2, revokedProxy())],
    ["pid", () => loop.addChildHandler(revokedProxy(), ignore)],
    ["id", () => wake(revokedProxy())],
    ["onError", () => new IOLoop({ onError: revokedProxy() })],
  ];
  for (const [parameter, attempt] of attempts) {
    const error = thrownBy(attempt);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(new RegExp(`^${parameter} must be .* not an object`));
  }
});

test("a number too large to be written out is refused at once", () => {
  const large = 2n ** (2n ** 24n);
  const began = performance.now();
  const error = thrownBy(() => wake(untyped(large)));
  // Its decimal digits take far longer, on any machine.
  expect(performance.now() - began).toBeLessThan(NO_WAIT_MS);
  expect((error as Error).message).toBe("id must be the number that a waker has, not a bigint");
  expect((thrownBy(() => wake(untyped(3n))) as Error).message).toEndWith(", not 3n");
});

describe("an error that cannot be shown, thrown into a loop without onError,", () => {
  const hurl = (): never => {
    throw new Error("of the error");
  };
  test.each([
    ["throws where it is inspected", { [Symbol.for("nodejs.util.inspect.custom")]: hurl }],
    ["is a revoked proxy", revokedProxy()],
  ])("which %s, is told of, and the loop goes on", (_what, error) => {
    const printed = spyOn(console, "error");
    try {
      using loop = new IOLoop();
      let later = 0;
      loop.addCallback(() => {
        throw error;
      });
      loop.addCallback(() => later++);
      loop.runOnce(0);
      expect(later).toBe(1);
      const headings = printed.mock.calls.map(([heading]) => heading);
      expect(headings).toContain("bun-ioloop: error in callback:");
    } finally {
      printed.mockRestore();
    }
  });
});

test("a forged id wakes nobody, and what is no number is refused", () => {
  using loop = testLoop();
  let woken = 0;
  const { id } = loop.waker(() => woken++);
  const { NaN: none, MAX_SAFE_INTEGER, POSITIVE_INFINITY, MIN_VALUE } = Number;
  for (const forged of [none, POSITIVE_INFINITY, -id, id + 0.5, id + 2 ** 40, 2 ** 46, MIN_VALUE]) {
    expect(wake(forged)).toBeFalse();
  }
  // The same cell, and a generation that it had, or will have.
  for (const generations of [-1, 1, 2 ** 32]) expect(wake(id + generations * 16_384)).toBeFalse();
  expect(wake(MAX_SAFE_INTEGER)).toBeFalse();
  for (const wrong of ["1", 1n, null, undefined, {}, Symbol("id"), { valueOf: () => id }]) {
    const error = thrownBy(() => wake(untyped(wrong)));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(/^id must be the number that a waker has, not /);
  }
  loop.runOnce(0);
  expect(woken).toBe(0);
});

test.each(["constructor", "toString", "__proto__", "hasOwnProperty", "SIGNOT"])(
  "a listener of process for %p is none of the loop's business",
  (name) => {
    using loop = testLoop();
    expect(loop.removeSignalHandler(name)).toBeFalse();
    expect(thrownBy(() => loop.addSignalHandler(name, ignore))).toBeInstanceOf(RangeError);
    process.on(untyped<"SIGUSR2">(name), ignore);
    loop.addCallback(() => loop.stop());
    run(loop);
    process.off(untyped<"SIGUSR2">(name), ignore);
  },
);

describe("a method without its loop", () => {
  const names = [...Object.getOwnPropertyNames(IOLoop.prototype)];
  for (
    let parent = Object.getPrototypeOf(IOLoop.prototype);
    parent !== Object.prototype;
    parent = Object.getPrototypeOf(parent)
  ) {
    names.push(...Object.getOwnPropertyNames(parent));
  }
  const receivers: [what: string, receiver: unknown][] = [
    ["nothing", undefined],
    ["null", null],
    ["another object", {}],
    ["an object of its prototype", Object.create(IOLoop.prototype)],
    ["what was made without its constructor", Reflect.construct(Object, [], IOLoop)],
    ["a proxy of a closed loop", new Proxy(closedLoop(), {})],
  ];

  test.each(receivers)(
    "called on %s throws a TypeError, or rejects with it",
    async (_what, receiver) => {
      using loop = testLoop();
      for (const name of new Set(names)) {
        // time() and constructor need none.
        if (name === "constructor" || name === "time") continue;
        const call = async (): Promise<unknown> => {
          const get = getterOf(name);
          return get === undefined
            ? Reflect.apply(Reflect.get(loop, name) as () => unknown, receiver, [0, 0, ignore])
            : Reflect.apply(get, receiver, []);
        };
        expect(await reasonOf(call())).toBeInstanceOf(TypeError);
      }
    },
  );
});

function closedLoop(): IOLoop {
  const loop = testLoop();
  loop.close();
  return loop;
}

function getterOf(name: string): (() => unknown) | undefined {
  for (let place: object | null = IOLoop.prototype; place !== null; ) {
    const get = Object.getOwnPropertyDescriptor(place, name)?.get;
    if (get !== undefined) return get;
    place = Object.getPrototypeOf(place);
  }
  return undefined;
}
