import { expect, test } from "bun:test";
import { type IOLoop, READ } from "../src/index.ts";
import { drain, Fds, openFds, poke, run, testLoop, thrownBy } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { expectIOLoopError, NO_WAIT_MS, timed } from "./support-system.ts";

const GUARD = { timeout: 4000 };

function later<T>(loop: IOLoop, ms: number, settle: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    loop.callLater(ms, () => {
      try {
        resolve(settle());
      } catch (error) {
        reject(error);
      }
    });
  });
}

test("it returns what the promise resolves with", () => {
  using loop = testLoop();
  const value = { some: "value" };
  expect(
    loop.runUntil(
      later(loop, 3, () => value),
      GUARD,
    ),
  ).toBe(value);
  expect(loop.running()).toBeFalse();
});

test("it throws what the promise rejects with, whatever that is", () => {
  using loop = testLoop();
  for (const reason of [new Error("rejected"), "a string", undefined, null]) {
    const work = later(loop, 1, () => {
      throw reason;
    });
    expect(thrownBy(() => loop.runUntil(work, GUARD))).toBe(reason);
  }
});

test("it runs an async function, begun within the loop, to its end", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const text = loop.runUntil(async () => {
    expect(loop.running()).toBeTrue();
    await later(loop, 1, () => poke(writer, "through"));
    await new Promise<void>((resolve) => {
      loop.addHandler(reader, READ, () => {
        loop.removeHandler(reader);
        resolve();
      });
    });
    return drain(reader);
  }, GUARD);
  expect(text).toBe("through");
});

test("a plain function's value is returned, and its error thrown", () => {
  using loop = testLoop();
  expect(loop.runUntil(() => 5, GUARD)).toBe(5);
  const fails = (): number => {
    throw new RangeError("from work");
  };
  expect(() => loop.runUntil(fails, GUARD)).toThrow("from work");
});

test("a foreign thenable counts as a promise", () => {
  using loop = testLoop();
  const thenable: PromiseLike<string> = {
    // biome-ignore lint/suspicious/noThenProperty: a foreign promise is what this is about.
    then(fulfilled) {
      loop.callLater(1, () => fulfilled?.("foreign"));
      return this as never;
    },
  };
  expect(loop.runUntil(thenable, GUARD)).toBe("foreign");
});

test("work that has settled already needs no wait", () => {
  using loop = testLoop();
  loop.callLater(60_000, () => {});
  const waited = timed(() => {
    expect(loop.runUntil(Promise.resolve(7), GUARD)).toBe(7);
    expect(() => loop.runUntil(Promise.reject(new Error("no")), GUARD)).toThrow("no");
    expect(loop.runUntil(async () => 8, { timeout: 0 })).toBe(8);
  });
  expect(waited).toBeLessThan(NO_WAIT_MS);
});

test.each(["callback", "timeout", "interval", "handler"])(
  "it returns as soon as a %s settled its work, without another wait",
  (source) => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const { promise, resolve } = Promise.withResolvers<string>();
    const settle = (): void => resolve(source);
    if (source === "callback") loop.addCallback(settle);
    if (source === "timeout") loop.callLater(1, settle);
    if (source === "interval") loop.setInterval(1, settle);
    if (source === "handler") {
      loop.addHandler(reader, READ, () => {
        loop.removeHandler(reader);
        settle();
      });
      poke(writer);
    }
    expect(timed(() => expect(loop.runUntil(promise, GUARD)).toBe(source))).toBeLessThan(
      NO_WAIT_MS,
    );
  },
);

test("past its timeout it throws a TimeoutError", () => {
  using loop = testLoop();
  const began = loop.time();
  const error = thrownBy(() => loop.runUntil(new Promise(() => {}), { timeout: 15 }));
  expect(loop.time() - began).toBeGreaterThanOrEqual(15);
  expect(loop.time() - began).toBeLessThan(NO_WAIT_MS);
  expect(error).toBeInstanceOf(DOMException);
  expect((error as DOMException).name).toBe("TimeoutError");
  expect((error as DOMException).message).toContain("15 ms");
});

test.each([0, -5])("with a timeout of %d, pending work times out without a wait", (timeout) => {
  using loop = testLoop();
  const waited = timed(() => {
    const error = thrownBy(() => loop.runUntil(new Promise(() => {}), { timeout }));
    expect((error as DOMException).name).toBe("TimeoutError");
  });
  expect(waited).toBeLessThan(NO_WAIT_MS);
});

test("its timeout leaves nothing behind in the loop", () => {
  using loop = testLoop();
  loop.runUntil(Promise.resolve(), { timeout: 60_000 });
  thrownBy(() => loop.runUntil(Promise.reject(new Error("no")), { timeout: 60_000 }));
  thrownBy(() => loop.runUntil(new Promise(() => {}), { timeout: 1 }));
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
});

test("work that settles after its timeout does not disturb a later run", () => {
  using loop = testLoop();
  const late = Promise.withResolvers<string>();
  const lateFailure = Promise.withResolvers<string>();
  thrownBy(() => loop.runUntil(late.promise, { timeout: 1 }));
  thrownBy(() => loop.runUntil(lateFailure.promise, { timeout: 1 }));
  loop.callLater(1, () => {
    late.resolve("late");
    lateFailure.reject(new Error("late"));
  });
  expect(
    loop.runUntil(
      later(loop, 5, () => "its own"),
      GUARD,
    ),
  ).toBe("its own");
  expect(loop.runUntil(late.promise, GUARD)).toBe("late");
});

test("stop() before the work has settled throws ERR_LOOP_STOPPED, and the work can be waited on again", () => {
  using loop = testLoop();
  const work = Promise.withResolvers<string>();
  loop.addCallback(() => loop.stop());
  expectIOLoopError(
    thrownBy(() => loop.runUntil(work.promise, GUARD)),
    "ERR_LOOP_STOPPED",
    /runUntil/,
  );
  loop.callLater(1, () => work.resolve("done"));
  expect(loop.runUntil(work.promise, GUARD)).toBe("done");
});

test("stop() and the settling in one iteration: the result counts", () => {
  using loop = testLoop();
  const work = async (): Promise<string> => {
    loop.stop();
    return "done";
  };
  expect(loop.runUntil(work, GUARD)).toBe("done");
});

test("close() before the work has settled throws ERR_LOOP_CLOSED", () => {
  const loop = testLoop();
  loop.addCallback(() => loop.close());
  expectIOLoopError(
    thrownBy(() => loop.runUntil(new Promise(() => {}), GUARD)),
    "ERR_LOOP_CLOSED",
  );
  const own = testLoop();
  const work = (): Promise<never> => {
    own.close();
    return new Promise(() => {});
  };
  expectIOLoopError(
    thrownBy(() => own.runUntil(work, GUARD)),
    "ERR_LOOP_CLOSED",
  );
});

test("what is no work, or no timeout, is refused before anything runs", () => {
  using loop = testLoop();
  let began = 0;
  for (const work of [undefined, null, 1, "x", {}, []] as unknown as Promise<void>[]) {
    expect(() => loop.runUntil(work, GUARD)).toThrow(TypeError);
  }
  const count = (): number => began++;
  expect(() => loop.runUntil(count, { timeout: Number.NaN })).toThrow(RangeError);
  expect(() => loop.runUntil(count, { timeout: "1" as unknown as number })).toThrow(TypeError);
  expect([began, loop.running()]).toEqual([0, false]);
});

test("options whose getter closes the loop, and a microtask that does, begin no work", () => {
  const before = openFds();
  let began = 0;
  const count = (): number => began++;
  for (let round = 0; round < 3; round++) {
    const loop = testLoop();
    const options = {
      get timeout(): number {
        loop.close();
        return 50;
      },
    };
    expectIOLoopError(
      thrownBy(() => loop.runUntil(count, options)),
      "ERR_LOOP_CLOSED",
    );
    const other = testLoop();
    queueMicrotask(() => other.close());
    expectIOLoopError(
      thrownBy(() => other.runUntil(count, GUARD)),
      "ERR_LOOP_CLOSED",
    );
  }
  expect(began).toBe(0);
  if (!lacks("a close that is done on return")) expect(openFds()).toBeLessThanOrEqual(before);
});

test("an error that onError throws leaves runUntil, and the work goes on at the next run", () => {
  using loop = testLoop();
  const work = later(loop, 3, () => "done");
  loop.addCallback(() => {
    throw new Error("leaves the run");
  });
  expect(() => loop.runUntil(work, GUARD)).toThrow("leaves the run");
  expect(loop.runUntil(work, GUARD)).toBe("done");
  loop.callLater(0, () => loop.stop());
  run(loop);
});
