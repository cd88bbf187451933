import { expect, test } from "bun:test";
import { IOLoop, READ } from "../src/index.ts";
import { Fds, ignore, poke, run, testLoop, thrownBy } from "./support.ts";
import { BACKEND } from "./support-backend.ts";
import { busy } from "./support-clock.ts";
import { expectIOLoopError, NO_WAIT_MS, timed } from "./support-system.ts";

test.each(["timeout", "interval", "callback", "handler", "microtask"])(
  "close() in a %s ends the loop at once, and nothing more is called",
  (source) => {
    using fds = new Fds();
    const loop = testLoop();
    let calls = 0;
    const close = (): void => {
      calls++;
      loop.close();
      expect([loop.closed, loop.running()]).toEqual([true, true]);
    };
    for (let count = 0; count < 3; count++) {
      if (source === "timeout") loop.callLater(0, close);
      if (source === "interval") loop.setInterval(1, close);
      if (source === "callback") loop.addCallback(close);
      if (source === "microtask") loop.addCallback(() => queueMicrotask(close));
      const [reader, writer] = fds.pipe();
      poke(writer);
      loop.addHandler(reader, READ, close);
    }
    // The first pass finds every interval due.
    busy(1);
    expect(timed(() => run(loop))).toBeLessThan(NO_WAIT_MS);
    expect([calls, loop.closed, loop.running()]).toEqual([1, true, false]);
  },
);

test("close() inside runOnce counts the handlers that were called", () => {
  using fds = new Fds();
  const loop = testLoop();
  for (const [reader, writer] of [fds.pipe(), fds.pipe()]) {
    poke(writer);
    loop.addHandler(reader, READ, () => loop.close());
  }
  expect(loop.runOnce(0)).toBe(1);
});

test("closing twice, inside and outside, is fine", () => {
  const loop = testLoop();
  loop.addCallback(() => {
    loop.close();
    loop.close();
  });
  loop.runOnce(0);
  loop.close();
  expect(loop.closed).toBeTrue();
});

test("leaving the scope of `using` closes the loop", () => {
  let kept: IOLoop;
  {
    using loop = testLoop();
    kept = loop;
    expect(loop.closed).toBeFalse();
  }
  expect(kept.closed).toBeTrue();
});

test("the fds of its handlers stay open, and another loop can watch them", () => {
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const first = testLoop();
  first.addHandler(reader, READ, () => {});
  first.close();
  using second = testLoop();
  let called = 0;
  second.addHandler(reader, READ, () => called++);
  poke(writer);
  second.runOnce(0);
  expect(called).toBe(1);
});

test("after close() what adds or runs throws ERR_LOOP_CLOSED", () => {
  using fds = new Fds();
  const [reader] = fds.pipe();
  const loop = testLoop();
  loop.close();
  const attempts: readonly [string, () => unknown][] = [
    ["addHandler", () => loop.addHandler(reader, READ, ignore)],
    ["updateHandler", () => loop.updateHandler(reader, READ)],
    ["addCallback", () => loop.addCallback(ignore)],
    ["addTimeout", () => loop.addTimeout(Date.now(), ignore)],
    ["callLater", () => loop.callLater(0, ignore)],
    ["callAt", () => loop.callAt(0, ignore)],
    ["setInterval", () => loop.setInterval(1, ignore)],
    ["start", () => loop.start()],
    ["runOnce", () => loop.runOnce(0)],
    ["runUntil", () => loop.runUntil(Promise.resolve(), { timeout: 1 })],
  ];
  for (const [name, attempt] of attempts) {
    expectIOLoopError(thrownBy(attempt), "ERR_LOOP_CLOSED", new RegExp(name));
  }
});

test("after close() what removes returns false, and what only looks does not throw", () => {
  using fds = new Fds();
  const [reader] = fds.pipe();
  const loop = testLoop();
  loop.addHandler(reader, READ, () => {});
  const timeout = loop.callLater(1, () => {});
  const interval = loop.setInterval(1, () => {});
  loop.close();
  expect(loop.removeHandler(reader)).toBeFalse();
  expect(loop.removeTimeout(timeout)).toBeFalse();
  expect(loop.clearInterval(interval)).toBeFalse();
  expect(loop.fd).toBe(-1);
  expect(loop.running()).toBeFalse();
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
  expect(Math.abs(loop.time() - performance.now())).toBeLessThan(NO_WAIT_MS);
  expect(loop.backend).toBe(BACKEND);
  loop.stop();
});

test("a call that closes the loop hears of ERR_LOOP_CLOSED when it goes on adding", () => {
  const errors: unknown[] = [];
  const loop = new IOLoop({ onError: (error) => errors.push(error) });
  loop.callLater(0, () => {
    loop.close();
    loop.addCallback(() => {});
  });
  run(loop);
  expect(errors.length).toBe(1);
  expectIOLoopError(errors[0], "ERR_LOOP_CLOSED", /addCallback/);
});

test("a handler that closes the loop and then throws is reported", () => {
  using fds = new Fds();
  const errors: unknown[] = [];
  const loop = new IOLoop({ onError: (error) => errors.push(error) });
  for (const [reader, writer] of [fds.pipe(), fds.pipe()]) {
    poke(writer);
    loop.addHandler(reader, READ, () => {
      loop.close();
      throw new Error("after close");
    });
  }
  run(loop);
  expect(errors).toEqual([new Error("after close")]);
});

test("a loop that another one's call closes while it runs ends at once", () => {
  const outer = testLoop();
  using inner = testLoop();
  let more = 0;
  outer.addCallback(() => {
    inner.addCallback(() => outer.close());
    inner.runOnce(0);
  });
  outer.addCallback(() => more++);
  expect(timed(() => run(outer))).toBeLessThan(NO_WAIT_MS);
  expect([more, outer.closed]).toEqual([0, true]);
});

test("a closed loop has nothing to do any more, also where it was told to stop", () => {
  const loop = testLoop();
  loop.stop();
  loop.close();
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
});
