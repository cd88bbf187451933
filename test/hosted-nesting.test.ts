import { describe, expect, test } from "bun:test";
import { type IOLoop, READ } from "../src/index.ts";
import { drain, Fds, ignore, poke, run, testLoop, thrownBy } from "./support.ts";
import { HOUR_MS } from "./support-clock.ts";
import { ASLEEP_MS, addReady, rejectionOf, runHosted, soon, WAYS } from "./support-hosted.ts";
import { expectIOLoopError } from "./support-system.ts";

/** The runs that own the thread. */
const BLOCKING: readonly ((loop: IOLoop) => unknown)[] = [
  (loop) => loop.start(),
  (loop) => loop.runOnce(5),
  (loop) => loop.runUntil(Promise.resolve(), { timeout: 5 }),
];

const OCCUPIED = /running on this thread: return to it/;
const HOSTED = /in run\(\) already: stop\(\) it/;

function expectRefused(attempt: () => unknown, message = OCCUPIED): void {
  expectIOLoopError(thrownBy(attempt), "ERR_LOOP_RUNNING", message);
}

async function expectRejected(attempt: Promise<unknown>, message = OCCUPIED): Promise<void> {
  expectIOLoopError(await rejectionOf(attempt), "ERR_LOOP_RUNNING", message);
}

describe.each(WAYS)("a hosted loop, %s,", (_name, way) => {
  test("refuses every second run of it between its turns, and goes on", async () => {
    using loop = testLoop();
    let beats = 0;
    const beat = loop.setInterval(1, () => beats++);
    const ended = runHosted(loop, way);
    await Bun.sleep(ASLEEP_MS);
    for (const attempt of [...BLOCKING, () => loop.runOnce(0)]) {
      expectRefused(() => attempt(loop), HOSTED);
    }
    await expectRejected(loop.run(), HOSTED);
    expect(loop.running()).toBeTrue();
    const before = beats;
    while (loop.running() && beats === before) await Bun.sleep(1);
    expect(beats).toBeGreaterThan(before);
    loop.clearInterval(beat);
    loop.stop();
    await ended;
  });

  test("refuses them inside its turn, and every run of another loop that would own the thread", async () => {
    using loop = testLoop();
    using other = testLoop();
    using fds = new Fds();
    const rejected: Promise<void>[] = [];
    let tried = 0;
    const tryAll = (): void => {
      tried++;
      for (const attempt of [...BLOCKING, () => loop.runOnce(0)])
        expectRefused(() => attempt(loop));
      for (const attempt of BLOCKING) expectRefused(() => attempt(other));
      rejected.push(expectRejected(loop.run()));
      expect([loop.running(), other.running()]).toEqual([true, false]);
    };
    loop.addCallback(tryAll);
    loop.callLater(0, tryAll);
    addReady(loop, fds, 1, () => {
      tryAll();
      loop.stop();
    });
    await runHosted(loop, way);
    await Promise.all(rejected);
    expect(tried).toBe(3);
    other.addCallback(() => other.stop());
    run(other);
  });

  test("may call runOnce(0) of another loop inside its turn", async () => {
    using loop = testLoop();
    using other = testLoop();
    using fds = new Fds();
    let calls = 0;
    addReady(other, fds, 3, () => calls++);
    let returned = 0;
    loop.addCallback(() => {
      returned = other.runOnce(0);
      expectRefused(() => loop.start());
      loop.stop();
    });
    await runHosted(loop, way);
    expect([calls, returned]).toEqual([3, 3]);
  });

  test("cannot begin inside start() of another loop or of its own", async () => {
    using loop = testLoop();
    using other = testLoop();
    const rejected: Promise<void>[] = [];
    loop.addCallback(() => {
      rejected.push(expectRejected(other.run()), expectRejected(loop.run()));
      loop.stop();
    });
    run(loop);
    await Promise.all(rejected);
    expect([loop.running(), other.running()]).toEqual([false, false]);
    other.addCallback(() => other.stop());
    await runHosted(other, way);
  });

  test("waits while another loop owns the thread, and then goes on with what that one gave it", async () => {
    using hosted = testLoop();
    using owner = testLoop();
    const log: string[] = [];
    const ended = runHosted(hosted, way);
    await Bun.sleep(ASLEEP_MS);
    owner.addCallback(() => {
      hosted.addCallback(() => {
        log.push("hosted");
        hosted.stop();
      });
      owner.callLater(10, () => {
        log.push("owner");
        owner.stop();
      });
    });
    run(owner);
    await ended;
    expect(log).toEqual(["owner", "hosted"]);
  });

  test("may start the run of another one inside its turn, and that one another", async () => {
    using outer = testLoop();
    using middle = testLoop();
    using inner = testLoop();
    using fds = new Fds();
    const log: string[] = [];
    const ends: Promise<void>[] = [];
    addReady(inner, fds, 1, () => {
      log.push("inner");
      for (const loop of [inner, middle, outer]) loop.stop();
    });
    middle.callLater(1, () => {
      log.push("middle");
      ends.push(runHosted(inner, way));
      expect([outer.running(), middle.running(), inner.running()]).toEqual([true, true, true]);
    });
    outer.addCallback(() => {
      ends.push(runHosted(middle, way));
      // Nothing of it is called in here.
      expect(log).toEqual([]);
    });
    await runHosted(outer, way);
    await Promise.all(ends);
    expect(log).toEqual(["middle", "inner"]);
  });

  test("may be stopped or closed in a turn of another one", async () => {
    using outer = testLoop();
    using stopped = testLoop();
    using closed = testLoop();
    let called = 0;
    for (const loop of [stopped, closed]) loop.callLater(HOUR_MS, () => called++);
    const ends = [runHosted(stopped, way), runHosted(closed, way)];
    outer.callLater(5, () => {
      stopped.stop();
      closed.close();
      outer.stop();
    });
    await runHosted(outer, way);
    await Promise.all(ends);
    expect([called, stopped.running(), closed.running()]).toEqual([0, false, false]);
  });

  test("is one of twenty on a thread, and each of them is served", async () => {
    using fds = new Fds();
    const loops = Array.from({ length: 20 }, () => testLoop());
    const served = loops.map(() => ({ events: 0, beats: 0 }));
    try {
      const ends = loops.map((loop, index) => {
        const [reader, writer] = fds.pipe();
        const mine = served[index] ?? { events: 0, beats: 0 };
        const finish = (): void => {
          if (mine.events >= 5 && mine.beats >= 5) loop.stop();
        };
        loop.addHandler(reader, READ, () => {
          drain(reader);
          mine.events++;
          finish();
        });
        loop.setInterval(3, () => {
          mine.beats++;
          poke(writer);
          finish();
        });
        return runHosted(loop, way);
      });
      await Promise.all(ends);
    } finally {
      for (const loop of loops) loop.close();
    }
    for (const { events, beats } of served) {
      expect(Math.min(events, beats)).toBeGreaterThanOrEqual(5);
    }
  });

  test("may run beside others on the same fd: each is told", async () => {
    using first = testLoop();
    using second = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const told: string[] = [];
    for (const [name, loop] of [
      ["first", first],
      ["second", second],
    ] as const) {
      loop.addHandler(reader, READ, () => {
        told.push(name);
        loop.stop();
      });
    }
    setTimeout(() => poke(writer), ASLEEP_MS);
    await Promise.all([runHosted(first, way), runHosted(second, way)]);
    expect(told.toSorted()).toEqual(["first", "second"]);
  });
});

test("a run that is refused leaves the loop as it was", async () => {
  using loop = testLoop();
  using other = testLoop();
  other.addCallback(() => {
    soon(loop.run()).catch(ignore);
    other.stop();
  });
  run(other);
  expect(loop.running()).toBeFalse();
  loop.addCallback(() => loop.stop());
  run(loop);
});
