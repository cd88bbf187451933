import { describe, expect, test } from "bun:test";
import { IOLoop } from "../src/index.ts";
import { ignore, testLoop } from "./support.ts";
import { busy, FakeClocks, HOUR_MS } from "./support-clock.ts";
import { ASLEEP_MS, runHosted, WAYS } from "./support-hosted.ts";
import { LATE_MS, NO_WAIT_MS, seeksBest } from "./support-system.ts";
import { addManyTimeouts } from "./support-timeouts.ts";

/** What `look` returns at a moment when the clocks stand still, and that moment. */
function atOnce<T>(look: () => T): [moment: number, seen: T] {
  using clocks = new FakeClocks(performance.now());
  return [clocks.mono, look()];
}

describe.each(WAYS)("a hosted loop, %s,", (_name, way) => {
  test("runs no timeout early, whatever its delay and the way it was added", async () => {
    using loop = testLoop();
    const early = addManyTimeouts(loop);
    await runHosted(loop, way);
    expect(early).toEqual([]);
  });

  test.each([0.3, 3.1])(
    "waits %d ms, and the best of many waits is not much longer",
    async (ms) => {
      using loop = testLoop();
      // Bun's own turn is between the end of the wait and the timeout.
      const latest = ms + LATE_MS + 1;
      let best = Number.POSITIVE_INFINITY;
      let waits = 0;
      let began = 0;
      const again = (): void => {
        if (began > 0) {
          best = Math.min(best, loop.time() - began);
          waits++;
        }
        if (!seeksBest(waits, 30, best, latest)) loop.stop();
        began = loop.time();
        loop.callLater(ms, again);
      };
      again();
      began = 0;
      await runHosted(loop, way, NO_WAIT_MS);
      expect(best).toBeGreaterThanOrEqual(ms);
      expect(best).toBeLessThan(latest);
    },
  );

  test("runs equal deadlines in the order added", async () => {
    using loop = testLoop();
    const order: number[] = [];
    const due = loop.time() + 5;
    for (let index = 0; index < 100; index++) loop.callAt(due, () => order.push(index));
    loop.callAt(due + 0.001, () => loop.stop());
    await runHosted(loop, way);
    expect(order).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  test("keeps an interval on its grid, with one beat after a stall, in its own turn or in Bun's", async () => {
    using loop = testLoop();
    const beats: number[] = [];
    const off: number[] = [];
    const [start] = atOnce(() => loop.setInterval(4, beat));
    function beat(): void {
      const [now, next] = atOnce(() => loop.pollTimeout());
      beats.push(now - start);
      const periods = (now + next - start) / 4;
      // Where the machine is a whole beat late, the next one is due already.
      if (next > 0) off.push(Math.abs(periods - Math.round(periods)));
      if (beats.length === 3) busy(10);
      if (beats.length === 5) setImmediate(() => busy(10));
      if (beats.length === 8) loop.stop();
    }
    await runHosted(loop, way);
    for (const [index, at] of beats.entries()) {
      // Each stall of 10 ms holds one beat that is late, and one that is swallowed.
      const swallowed = (index >= 3 ? 1 : 0) + (index >= 6 ? 1 : 0);
      expect(at).toBeGreaterThanOrEqual((index + 1 + swallowed) * 4);
    }
    expect(Math.max(0, ...off)).toBeLessThan(1e-6);
  });

  test("skips the beats of an interval whose promise Bun has not settled yet", async () => {
    using loop = testLoop();
    const log: string[] = [];
    loop.setInterval(1, async () => {
      log.push("begin");
      await Bun.sleep(10);
      log.push("end");
      if (log.length === 6) loop.stop();
    });
    await runHosted(loop, way);
    // Bun called stop() between two turns: the pass that is still to come may begin another beat.
    expect(log.slice(0, 6)).toEqual(["begin", "end", "begin", "end", "begin", "end"]);
  });

  test("sleeps to a nearer timeout that is added while it sleeps, or when the nearest is removed", async () => {
    using loop = testLoop();
    loop.callLater(HOUR_MS, ignore);
    const nearest = loop.callLater(400, () => loop.close());
    let added = 0;
    let ranAt = 0;
    setTimeout(() => {
      loop.removeTimeout(nearest);
      added = loop.time();
      loop.callLater(430, () => {
        ranAt = loop.time();
        loop.stop();
      });
      loop.callLater(0.3, () => loop.callLater(0.3, ignore));
    }, ASLEEP_MS);
    await runHosted(loop, way);
    expect(loop.closed).toBeFalse();
    expect(ranAt - added).toBeGreaterThanOrEqual(430);
    expect(ranAt - added).toBeLessThan(NO_WAIT_MS);
  });

  test("is not woken early for good by a timeout that was removed", async () => {
    using loop = testLoop();
    const refs = Array.from({ length: 100 }, (_, index) => loop.callLater(index / 10, ignore));
    for (const ref of refs) expect(loop.removeTimeout(ref)).toBeTrue();
    const due = loop.time() + 30;
    let late = -1;
    loop.callAt(due, () => {
      late = loop.time() - due;
      loop.stop();
    });
    await runHosted(loop, way);
    expect(late).toBeGreaterThanOrEqual(0);
  });

  test("finds by spinning what comes, and sleeps after it", async () => {
    using loop = new IOLoop({ spin: 5000 });
    let ranAt = 0;
    const due = loop.time() + 20;
    loop.callAt(due, () => {
      ranAt = loop.time();
      loop.stop();
    });
    await runHosted(loop, way);
    expect(ranAt).toBeGreaterThanOrEqual(due);
  });
});
