import { describe, expect, test } from "bun:test";
import { READ } from "../src/index.ts";
import { drain, Fds, ignore, poke, run, testLoop } from "./support.ts";
import { busy, HOUR_MS } from "./support-clock.ts";
import { ASLEEP_MS, addReady, rejectionOf, runHosted, soon, WAYS } from "./support-hosted.ts";
import { addCall, type Source } from "./support-sources.ts";
import { expectIOLoopError } from "./support-system.ts";

const SOURCES: readonly Source[] = ["timeout", "interval", "callback", "handler", "microtask"];

describe.each(WAYS)("a hosted loop, %s,", (_name, way) => {
  describe("and stop()", () => {
    test.each(SOURCES)("in a %s: run() resolves, and the loop can run again", async (source) => {
      using loop = testLoop();
      using fds = new Fds();
      for (let round = 1; round <= 3; round++) {
        let calls = 0;
        addCall(loop, fds, source, () => {
          calls++;
          loop.stop();
        });
        await runHosted(loop, way);
        expect([calls, loop.running(), loop.closed]).toEqual([1, false, false]);
      }
    });

    test.each(["timeout", "interval", "callback"] as const)(
      "in a %s: the iteration goes on to its end",
      async (source) => {
        using loop = testLoop();
        using fds = new Fds();
        const ran: string[] = [];
        addCall(loop, fds, source, () => {
          ran.push("stop");
          loop.stop();
        });
        // The first pass finds the interval due.
        busy(1);
        loop.addCallback(() => ran.push("callback"));
        addReady(loop, fds, 1, () => ran.push("handler"));
        await runHosted(loop, way);
        expect(ran).toEqual(["stop", "callback", "handler"]);
      },
    );

    test("in the middle of a batch: the rest of it is dispatched, and no batch more", async () => {
      using loop = testLoop();
      using fds = new Fds();
      let calls = 0;
      addReady(loop, fds, 10, () => {
        if (++calls === 3) loop.stop();
      });
      await runHosted(loop, way);
      expect(calls).toBe(10);
    });

    test("outside a turn, from Bun's setTimeout: it ends a sleep", async () => {
      using loop = testLoop();
      loop.callLater(HOUR_MS, ignore);
      setTimeout(() => loop.stop(), ASLEEP_MS);
      await runHosted(loop, way);
      expect(loop.running()).toBeFalse();
    });

    test("right after run(), before its first turn: one pass, then it resolves", async () => {
      using loop = testLoop();
      let passes = 0;
      const count = (): void => {
        passes++;
        loop.addCallback(count);
      };
      count();
      const ended = runHosted(loop, way);
      loop.stop();
      await ended;
      expect(passes).toBe(2);
    });

    test("before run(): it makes one pass and resolves, and the next run is whole again", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const ran: string[] = [];
      addReady(loop, fds, 1, (_index, fd) => {
        ran.push("handler");
        loop.removeHandler(fd);
      });
      loop.addCallback(() => {
        ran.push("callback");
        loop.addCallback(() => ran.push("second pass"));
      });
      loop.callLater(0, () => ran.push("timeout"));
      loop.stop();
      loop.stop();
      await runHosted(loop, way);
      expect(ran).toEqual(["timeout", "callback", "handler"]);

      loop.callLater(5, () => {
        ran.push("second run");
        loop.stop();
      });
      await runHosted(loop, way);
      // In whichever order a slow machine brings them.
      expect(ran.slice(3).toSorted()).toEqual(["second pass", "second run"]);
    });

    test("of several timeouts: the earliest ends the run", async () => {
      using loop = testLoop();
      const ran: number[] = [];
      for (const delay of [3900, 5, 3000]) {
        loop.callLater(delay, () => {
          ran.push(delay);
          loop.stop();
        });
      }
      await runHosted(loop, way);
      expect(ran).toEqual([5]);
    });
  });

  describe("and close()", () => {
    test("inside a handler: nothing of the batch comes after it, and run() resolves", async () => {
      using loop = testLoop();
      using fds = new Fds();
      let calls = 0;
      addReady(loop, fds, 10, () => {
        if (++calls === 3) loop.close();
      });
      loop.callLater(HOUR_MS, ignore);
      await runHosted(loop, way);
      expect([calls, loop.running(), loop.closed]).toEqual([3, false, true]);
    });

    test.each(SOURCES)("inside a %s: run() resolves", async (source) => {
      using loop = testLoop();
      using fds = new Fds();
      let later = 0;
      addCall(loop, fds, source, () => {
        loop.callLater(1, () => later++);
        loop.close();
        loop.close();
      });
      await runHosted(loop, way);
      await Bun.sleep(ASLEEP_MS);
      expect([later, loop.closed]).toEqual([0, true]);
    });

    test("outside a turn: the run is over at once, and what was queued is never called", async () => {
      using loop = testLoop();
      using fds = new Fds();
      let calls = 0;
      const ended = runHosted(loop, way);
      await Bun.sleep(ASLEEP_MS);
      loop.addCallback(() => calls++);
      addReady(loop, fds, 3, () => calls++);
      loop.close();
      expect([loop.running(), loop.closed]).toEqual([false, true]);
      await ended;
      await Bun.sleep(ASLEEP_MS);
      expect(calls).toBe(0);
    });

    test("right after run(), before its first turn: nothing is called", async () => {
      using loop = testLoop();
      let calls = 0;
      loop.addCallback(() => calls++);
      const ended = runHosted(loop, way);
      loop.close();
      await ended;
      expect(calls).toBe(0);
    });

    test("after stop(), in one call: run() resolves", async () => {
      using loop = testLoop();
      const ended = runHosted(loop, way);
      await Bun.sleep(ASLEEP_MS);
      loop.stop();
      loop.close();
      await ended;
      expect(loop.running()).toBeFalse();
    });
  });

  test("is running() from the call of run() to its end, also between its turns", async () => {
    using loop = testLoop();
    const seen = [loop.running()];
    loop.addCallback(() => seen.push(loop.running()));
    const ended = runHosted(loop, way);
    seen.push(loop.running());
    await Bun.sleep(ASLEEP_MS);
    seen.push(loop.running());
    loop.callLater(0, () => {
      loop.stop();
      seen.push(loop.running());
    });
    await ended;
    seen.push(loop.running());
    expect(seen).toEqual([false, true, true, true, true, false]);
  });

  test("keeps its handlers and timers from one run to the next, of either kind", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const seen: string[] = [];
    let beats = 0;
    let kept = false;
    loop.addHandler(reader, READ, () => {
      seen.push(drain(reader));
      loop.stop();
    });
    loop.setInterval(2, () => beats++);
    loop.callLater(40, () => {
      kept = true;
    });
    for (const round of ["a", "b", "c", "d", "e"]) {
      poke(writer, round);
      if (seen.length % 2 === 0) await runHosted(loop, way);
      else run(loop);
    }
    expect(seen.join("")).toBe("abcde");
    const before = beats;
    const due = loop.time() + 45;
    loop.callAt(due, () => loop.stop());
    await runHosted(loop, way);
    expect(kept).toBeTrue();
    expect(beats).toBeGreaterThan(before);
  });

  test("calls nothing between two runs", async () => {
    using loop = testLoop();
    using fds = new Fds();
    let calls = 0;
    loop.addCallback(() => loop.stop());
    await runHosted(loop, way);
    addReady(loop, fds, 1, () => {
      calls++;
      loop.stop();
    });
    loop.callLater(0, () => calls++);
    loop.addCallback(() => calls++);
    await Bun.sleep(ASLEEP_MS);
    expect(calls).toBe(0);
    await runHosted(loop, way);
    expect(calls).toBe(3);
  });

  test("can be run a hundred times in a row", async () => {
    using loop = testLoop();
    using fds = new Fds();
    let calls = 0;
    addReady(loop, fds, 1, () => {
      calls++;
      loop.stop();
    });
    for (let round = 0; round < 100; round++) await runHosted(loop, way);
    expect(calls).toBe(100);
  });
});

test("run() of a closed loop rejects with ERR_LOOP_CLOSED, and does not throw", async () => {
  const loop = testLoop();
  loop.close();
  expectIOLoopError(await rejectionOf(loop.run()), "ERR_LOOP_CLOSED", /^run/);
});

test("run() calls nothing before it has returned", async () => {
  using loop = testLoop();
  let calls = 0;
  loop.addCallback(() => {
    calls++;
    loop.stop();
  });
  const ended = soon(loop.run());
  expect(calls).toBe(0);
  await ended;
  expect(calls).toBe(1);
});
