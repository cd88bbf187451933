import { describe, expect, test } from "bun:test";
import { READ, wake } from "../src/index.ts";
import { COUNT, openGate } from "./children/worker-gate.ts";
import { Fds, poke, testLoop } from "./support.ts";
import { MODES, runIn } from "./support-modes.ts";
import { NO_WAIT_MS, startWorkers, timed } from "./support-system.ts";

const WORKERS_LIMIT_MS = 20_000;
/** Long enough for a call too many to show itself; a slow machine only makes it longer. */
const AFTER_MS = 30;

function sharedCells(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

describe.each([...MODES])("in %s", (mode) => {
  test(
    "a wake from a Worker calls the callback on the loop's thread and ends a wait without an end",
    async () => {
      using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
      const cells = sharedCells();
      let calls = 0;
      const waker = loop.waker(() => {
        calls++;
        loop.stop();
      });
      const data = { cells, id: waker.id, wakes: 1, delayMs: 20 };
      await using _workers = await startWorkers(1, "waker.ts", data);
      openGate(cells);
      await runIn(mode, loop);
      expect(calls).toBe(1);
      expect(Atomics.load(cells, COUNT)).toBe(1);
    },
    WORKERS_LIMIT_MS,
  );

  test(
    "of 20,000 wakes from each of 8 Workers none is lost: the callback sees the last count",
    async () => {
      using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
      const cells = sharedCells();
      const wakes = 20_000;
      let calls = 0;
      let seen = 0;
      const waker = loop.waker(() => {
        calls++;
        seen = Atomics.load(cells, COUNT);
        if (seen === 8 * wakes) loop.stop();
      });
      const data = { cells, id: waker.id, wakes, delayMs: 0 };
      await using _workers = await startWorkers(8, "waker.ts", data);
      openGate(cells);
      // A lost last wake would leave the loop waiting for ever.
      await runIn(mode, loop, 15_000);
      expect(seen).toBe(8 * wakes);
      expect(calls).toBeWithin(1, 8 * wakes + 1);
    },
    WORKERS_LIMIT_MS,
  );

  test("many wakes before a run are one call, in its first pass, and none later", async () => {
    using loop = testLoop();
    let calls = 0;
    const waker = loop.waker(() => calls++);
    for (let count = 0; count < 1000; count++) expect(waker.wake()).toBeTrue();
    expect(calls).toBe(0);
    loop.callLater(AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    expect(calls).toBe(1);
  });

  test("many wakes within one call of the loop are one call of the callback", async () => {
    using loop = testLoop();
    let calls = 0;
    const waker = loop.waker(() => calls++);
    for (const delayMs of [1, 5, 10]) {
      loop.callLater(delayMs, () => {
        for (let count = 0; count < 100; count++) expect(wake(waker.id)).toBeTrue();
      });
    }
    loop.callLater(10 + AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    // Timeouts of one pass, where the machine was slow, share a call.
    expect(calls).toBeWithin(1, 4);
  });

  test("a wake inside the callback calls it again, and does not keep the loop from its fds", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    let calls = 0;
    let served = 0;
    const waker = loop.waker(() => {
      calls++;
      waker.wake();
    });
    loop.addHandler(reader, READ, () => {
      if (++served === 50) loop.stop();
    });
    waker.wake();
    await runIn(mode, loop);
    expect(served).toBe(50);
    expect(calls).toBeGreaterThanOrEqual(49);
  });

  test("the callback runs before the fds of its iteration, and its microtasks with it", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const ran: string[] = [];
    loop.addHandler(reader, READ, () => {
      ran.push("handler");
      loop.stop();
    });
    const waker = loop.waker(() => {
      ran.push("waker");
      queueMicrotask(() => ran.push("microtask"));
      process.nextTick(() => ran.push("tick"));
    });
    poke(writer);
    waker.wake();
    await runIn(mode, loop);
    expect(ran.slice(0, 3)).toEqual(["waker", expect.any(String), expect.any(String)]);
    expect(ran).toEqual(expect.arrayContaining(["microtask", "tick"]));
    expect(ran.at(-1)).toBe("handler");
  });

  test("of two wakers the callback of the right one is called", async () => {
    using loop = testLoop();
    const called: string[] = [];
    const one = loop.waker(() => {
      called.push("one");
      loop.callLater(AFTER_MS, () => loop.stop());
    });
    const two = loop.waker(() => {
      called.push("two");
      one.wake();
    });
    expect(one.id).not.toBe(two.id);
    two.wake();
    await runIn(mode, loop);
    expect(called).toEqual(["two", "one"]);
    called.length = 0;
    one.wake();
    loop.callLater(AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    expect(called).toEqual(["one"]);
  });

  test("wakers of two loops wake their own one", async () => {
    using loop = testLoop();
    using other = testLoop();
    const called: string[] = [];
    const waker = loop.waker(() => called.push("loop"));
    const others = other.waker(() => called.push("other"));
    others.wake();
    waker.wake();
    loop.callLater(AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    expect(called).toEqual(["loop"]);
    other.callLater(AFTER_MS, () => other.stop());
    await runIn(mode, other);
    expect(called).toEqual(["loop", "other"]);
  });

  test("a waker that is opened within the run works at once", async () => {
    using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
    loop.callLater(5, () => {
      loop.waker(() => loop.stop()).wake();
    });
    await runIn(mode, loop);
    expect(loop.running()).toBeFalse();
  });
});

test("a waker without a callback ends a wait", () => {
  using loop = testLoop();
  const waker = loop.waker();
  waker.wake();
  expect(timed(() => loop.runOnce(3500))).toBeLessThan(NO_WAIT_MS);
  // It is used up with that.
  expect(timed(() => loop.runOnce(20))).toBeGreaterThanOrEqual(20);
});

test("a wake is heard by a hosted loop that sleeps, beside Bun's own timers", async () => {
  using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
  let calls = 0;
  const waker = loop.waker(() => calls++);
  const hosted = loop.run();
  for (let round = 1; round <= 5; round++) {
    await Bun.sleep(10);
    expect(wake(waker.id)).toBeTrue();
    const limit = Date.now() + 4000;
    while (calls < round && Date.now() < limit) await Bun.sleep(1);
    expect(calls).toBe(round);
  }
  loop.stop();
  await hosted;
});
