import { describe, expect, test } from "bun:test";
import { type CallContext, IOLoop, type Waker, wake } from "../src/index.ts";
import { ignore, testLoop, thrownBy, untyped } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { figuresOf } from "./support-child.ts";
import { MODES, runIn } from "./support-modes.ts";
import { expectIOLoopError } from "./support-system.ts";

const WORKERS_LIMIT_MS = 20_000;
/** Long enough for a call too many to show itself; a slow machine only makes it longer. */
const AFTER_MS = 30;

describe.each([...MODES])("in %s", (mode) => {
  test("after close() a waker wakes nobody and its callback is not called, though a wake had come", async () => {
    using loop = testLoop();
    let calls = 0;
    const waker = loop.waker(() => calls++);
    waker.wake();
    waker.close();
    expect(waker.wake()).toBeFalse();
    expect(wake(waker.id)).toBeFalse();
    waker.close();
    loop.callLater(AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    expect(calls).toBe(0);
  });

  test("a waker that another one's callback closes is not called any more", async () => {
    using loop = testLoop();
    let calls = 0;
    const wakers: Waker[] = [];
    const closeOthers = (own: number) => (): void => {
      calls++;
      for (const [index, waker] of wakers.entries()) if (index !== own) waker.close();
    };
    for (let index = 0; index < 3; index++) wakers.push(loop.waker(closeOthers(index)));
    for (const waker of wakers) waker.wake();
    loop.callLater(AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    expect(calls).toBe(1);
  });

  test("a callback may close the loop: no other waker is called, and none wakes any more", async () => {
    const loop = testLoop();
    let calls = 0;
    const wakers = [1, 2, 3].map(() =>
      loop.waker(() => {
        calls++;
        loop.close();
      }),
    );
    for (const waker of wakers) waker.wake();
    await runIn(mode, loop);
    expect(calls).toBe(1);
    expect(wakers.map((waker) => waker.wake())).toEqual([false, false, false]);
    for (const waker of wakers) waker.close();
  });

  test("what a callback throws, or rejects with, reaches onError with the waker's id, and it stays", async () => {
    const told: [string, CallContext][] = [];
    using loop = testLoop({
      onError: (error, context) => told.push([(error as Error).message, context]),
    });
    let calls = 0;
    const waker = loop.waker(() => {
      calls++;
      if (calls === 1) throw new Error("thrown");
      if (calls === 2) return Promise.reject(new Error("rejected"));
      loop.stop();
      return undefined;
    });
    const again = loop.setInterval(1, () => waker.wake());
    await runIn(mode, loop);
    loop.clearInterval(again);
    const context = { source: "waker", ref: waker.id } as const;
    expect(told).toMatchObject([
      ["thrown", context],
      ["rejected", context],
    ]);
    expect(calls).toBe(3);
  });

  test("what onError throws about a waker leaves the run, and another waker is still called", async () => {
    using loop = testLoop();
    let calls = 0;
    const bad = loop.waker(() => {
      throw new Error("thrown by a waker");
    });
    const good = loop.waker(() => {
      calls++;
      loop.stop();
    });
    bad.wake();
    good.wake();
    const left = runIn(mode, loop);
    await expect(left).rejects.toThrow("thrown by a waker");
    if (calls === 0) await runIn(mode, loop);
    expect(calls).toBe(1);
  });
});

test("ids are never used again, though the wakers come and go", () => {
  using loop = testLoop();
  const ids = new Set<number>();
  let last = 0;
  for (let count = 0; count < 2000; count++) {
    const waker = loop.waker();
    ids.add(waker.id);
    last = waker.id;
    waker.close();
  }
  expect(ids.size).toBe(2000);
  expect(Number.isSafeInteger(last)).toBeTrue();
  const current = loop.waker();
  expect(wake(last)).toBeFalse();
  expect(wake(current.id)).toBeTrue();
});

test("after close() of the loop its wakers wake nobody, and the next loop's ids are others", () => {
  const loop = new IOLoop();
  const waker = loop.waker(ignore);
  waker.wake();
  loop.close();
  expect(waker.wake()).toBeFalse();
  using next = testLoop();
  const nextWaker = next.waker();
  expect(nextWaker.id).not.toBe(waker.id);
  expect(wake(waker.id)).toBeFalse();
  waker.close();
  expect(nextWaker.wake()).toBeTrue();
  expectIOLoopError(
    thrownBy(() => loop.waker()),
    "ERR_LOOP_CLOSED",
  );
});

test.each([-1, 0, 0.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 45, 2 ** 53])(
  "wake(%p) is false: nobody has that number",
  (id) => {
    expect(wake(id)).toBeFalse();
  },
);

test.each([undefined, null, "1", {}, 1n, true])(
  "wake of what is no number throws TypeError",
  (id) => {
    expect(thrownBy(() => wake(untyped(id)))).toBeInstanceOf(TypeError);
  },
);

test.each([null, {}, "callback", 1])(
  "a callback that is no function is a TypeError: %p",
  (callback) => {
    using loop = testLoop();
    expect(thrownBy(() => loop.waker(untyped(callback)))).toBeInstanceOf(TypeError);
  },
);

test(
  "wakes from 4 Workers while loops close and open do no harm, and a closed one's id wakes nobody",
  async () => {
    const { left, ...figures } = await figuresOf("waker-closing.ts");
    expect(figures).toEqual({ rounds: 200, strangers: 0 });
    // What Bun opened for the Workers it may close meanwhile.
    if (!lacks("a close that is done on return")) expect(left).toBeLessThanOrEqual(0);
  },
  WORKERS_LIMIT_MS,
);
