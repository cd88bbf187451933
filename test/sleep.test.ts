import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { testLoop } from "./support.ts";
import { expectNothingDue, reasonOf, settle } from "./support-awaiting.ts";
import { beat, FakeClocks } from "./support-clock.ts";
import { MODES } from "./support-modes.ts";

describe.each([...MODES])("in %s", (mode) => {
  test("sleep is never early, and resolves with nothing", async () => {
    using loop = testLoop();
    await settle(mode, loop, async () => {
      for (const ms of [0.1, 0.5, 1, 1.7, 2.3, 5, 8.01]) {
        const began = loop.time();
        expect(await loop.sleep(ms)).toBeUndefined();
        expect(loop.time() - began).toBeGreaterThanOrEqual(ms);
      }
    });
    expectNothingDue(loop);
  });

  test("sleeps end in the order of their ends, not of their begins", async () => {
    using loop = testLoop();
    const order: number[] = [];
    // So far apart that a machine that stalls between two begins does not change the ends.
    const sleeps = [2, 0, 3, 1].map((end) => async (): Promise<void> => {
      await loop.sleep(end * 40);
      order.push(end);
    });
    await settle(mode, loop, () => Promise.all(sleeps.map((sleep) => sleep())));
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test("a sleep of 0 or less lets the loop go round once", async () => {
    using loop = testLoop();
    for (const ms of [0, -5, -1e9]) {
      const log: string[] = [];
      await settle(mode, loop, async () => {
        loop.addCallback(() => log.push("callback"));
        await loop.sleep(ms);
        log.push("woken");
      });
      expect(log.toSorted()).toEqual(["callback", "woken"]);
    }
  });

  test("an abort ends a sleep with the signal's reason", async () => {
    using loop = testLoop();
    const abort = new AbortController();
    const { signal } = abort;
    await settle(mode, loop, async () => {
      const reason = new Error("wake up");
      loop.callLater(1, () => abort.abort(reason));
      expect(await reasonOf(loop.sleep(60_000, { signal }))).toBe(reason);
    });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expectNothingDue(loop);
  });

  test("an abort after a sleep has ended does nothing", async () => {
    using loop = testLoop();
    const abort = new AbortController();
    const { signal } = abort;
    await settle(mode, loop, async () => {
      await loop.sleep(1, { signal });
      expect(getEventListeners(signal, "abort")).toEqual([]);
      abort.abort();
      await loop.sleep(1);
    });
  });
});

test("equal sleeps end in one pass, in the order in which they began", async () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const order: number[] = [];
  for (let index = 0; index < 100; index++) loop.sleep(10).then(() => order.push(index));
  beat(loop, clocks, 1);
  expect(order).toEqual(Array.from({ length: 100 }, (_, index) => index));
});

test("a sleep that is aborted in the pass that would end it does not resolve", async () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const abort = new AbortController();
  const outcomes: unknown[] = [];
  loop.callLater(10, () => abort.abort("first"));
  loop.sleep(10, { signal: abort.signal }).then(
    () => outcomes.push("resolved"),
    (reason) => outcomes.push(reason),
  );
  beat(loop, clocks, 2);
  expect(outcomes).toEqual(["first"]);
});
