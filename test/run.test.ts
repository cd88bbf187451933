import { expect, test } from "bun:test";
import { READ } from "../src/index.ts";
import { Fds, poke, run, testLoop, thrownBy } from "./support.ts";
import { busy } from "./support-clock.ts";
import { addCall, type Source } from "./support-sources.ts";
import { expectIOLoopError, NO_WAIT_MS, timed } from "./support-system.ts";

test("start() runs until stop(), and can run again", () => {
  using loop = testLoop();
  for (let round = 1; round <= 3; round++) {
    let passes = 0;
    const count = (): void => {
      if (++passes === 10) loop.stop();
      else loop.addCallback(count);
    };
    loop.addCallback(count);
    run(loop);
    expect(passes).toBe(10);
  }
});

test("stop() before start() makes it one pass without waiting, and the next one is whole again", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const ran: string[] = [];
  loop.addHandler(reader, READ, () => {
    ran.push("handler");
    loop.removeHandler(reader);
  });
  poke(writer);
  loop.addCallback(() => ran.push("callback"));
  loop.callLater(0, () => ran.push("timeout"));
  loop.stop();
  loop.stop();
  expect(timed(() => loop.start())).toBeLessThan(NO_WAIT_MS);
  expect(ran).toEqual(["timeout", "callback", "handler"]);

  loop.callLater(5, () => {
    ran.push("second start");
    loop.stop();
  });
  run(loop);
  expect(ran.at(-1)).toBe("second start");
});

test("stop() in the middle of a batch: the rest of it is dispatched, then the loop ends", () => {
  using loop = testLoop();
  using fds = new Fds();
  let calls = 0;
  for (const [reader, writer] of Array.from({ length: 10 }, () => fds.pipe())) {
    poke(writer);
    loop.addHandler(reader, READ, () => {
      if (++calls === 3) loop.stop();
    });
  }
  run(loop);
  expect(calls).toBe(10);
  loop.addCallback(() => loop.stop());
  run(loop);
  expect(calls).toBe(20);
});

test.each<Source>(["timeout", "interval", "callback"])(
  "stop() in a %s: the iteration goes on to its end, without waiting",
  (source) => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    const ran: string[] = [];
    addCall(loop, fds, source, () => {
      ran.push("stop");
      loop.stop();
    });
    // The first pass finds the interval due.
    busy(1);
    loop.addCallback(() => ran.push("callback"));
    loop.addHandler(reader, READ, () => ran.push("handler"));
    expect(timed(() => run(loop))).toBeLessThan(NO_WAIT_MS);
    expect(ran).toEqual(["stop", "callback", "handler"]);
  },
);

test("stop() in a callback of a loop with nothing else ends it without a wait", () => {
  using loop = testLoop();
  loop.addCallback(() => loop.stop());
  expect(timed(() => run(loop))).toBeLessThan(NO_WAIT_MS);
});

test("of several timeouts that call stop() the earliest ends the loop", () => {
  using loop = testLoop();
  const ran: number[] = [];
  for (const delay of [4000, 5, 3000]) {
    loop.callLater(delay, () => {
      ran.push(delay);
      loop.stop();
    });
  }
  run(loop);
  expect(ran).toEqual([5]);
});

test("runOnce(0) never waits", () => {
  using loop = testLoop();
  using fds = new Fds();
  loop.addHandler(fds.pipe()[0], READ, () => {});
  loop.callLater(60_000, () => {});
  const waited = timed(() => {
    for (let pass = 0; pass < 100; pass++) expect(loop.runOnce()).toBe(0);
  });
  expect(waited).toBeLessThan(NO_WAIT_MS);
});

test("runOnce(t) waits for that long at most, and returns 0 then", () => {
  using loop = testLoop();
  const waited = timed(() => expect(loop.runOnce(12.5)).toBe(0));
  expect(waited).toBeGreaterThanOrEqual(12.5);
  expect(waited).toBeLessThan(NO_WAIT_MS);
});

test("runOnce(t) ends with the first event, and returns how many handlers were called", () => {
  using loop = testLoop();
  using fds = new Fds();
  for (const [reader, writer] of [fds.pipe(), fds.pipe(), fds.pipe()]) {
    poke(writer);
    loop.addHandler(reader, READ, () => {});
  }
  expect(timed(() => expect(loop.runOnce(60_000)).toBe(3))).toBeLessThan(NO_WAIT_MS);
});

test("runOnce after stop() does not wait", () => {
  using loop = testLoop();
  loop.stop();
  expect(timed(() => loop.runOnce(60_000))).toBeLessThan(NO_WAIT_MS);
});

test("runOnce refuses what is no time, and takes a negative one as 0", () => {
  using loop = testLoop();
  expect(() => loop.runOnce(Number.NaN)).toThrow(RangeError);
  for (const time of ["1", null, {}, 1n] as unknown as number[]) {
    expect(() => loop.runOnce(time)).toThrow(TypeError);
  }
  expect(timed(() => loop.runOnce(-5))).toBeLessThan(NO_WAIT_MS);
  expect(loop.running()).toBeFalse();
});

test("running() is true inside every kind of run, and false after it", () => {
  using loop = testLoop();
  const seen: boolean[] = [];
  const look = (): void => {
    seen.push(loop.running());
    loop.stop();
  };
  expect(loop.running()).toBeFalse();
  loop.addCallback(look);
  loop.runOnce(0);
  loop.addCallback(look);
  run(loop);
  loop.runUntil(async () => look(), { timeout: 1000 });
  expect(seen).toEqual([true, true, true]);
  expect(loop.running()).toBeFalse();
});

test("a run inside a running loop is refused, and the loop goes on", () => {
  using loop = testLoop();
  using other = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  let refused = 0;
  const tryAll = (): void => {
    for (const attempt of [
      () => loop.start(),
      () => loop.runOnce(),
      () => loop.runOnce(5),
      () => loop.runUntil(Promise.resolve(), { timeout: 5 }),
      () => other.start(),
      () => other.runOnce(5),
      () => other.runUntil(Promise.resolve(), { timeout: 5 }),
    ]) {
      expectIOLoopError(thrownBy(attempt), "ERR_LOOP_RUNNING", /running/);
      refused++;
    }
    expect([loop.running(), other.running()]).toEqual([true, false]);
  };
  loop.addCallback(tryAll);
  loop.callLater(0, tryAll);
  loop.addHandler(reader, READ, () => {
    tryAll();
    loop.stop();
  });
  run(loop);
  loop.runUntil(async () => tryAll(), { timeout: 1000 });
  expect(refused).toBe(28);
  other.addCallback(() => other.stop());
  run(other);
});

test("runOnce(0) of another loop is allowed inside, and the outer loop stays the running one", () => {
  using outer = testLoop();
  using inner = testLoop();
  const log: string[] = [];
  inner.addCallback(() => {
    log.push("inner");
    expect([outer.running(), inner.running()]).toEqual([true, true]);
    expectIOLoopError(
      thrownBy(() => outer.runOnce(0)),
      "ERR_LOOP_RUNNING",
    );
  });
  outer.addCallback(() => {
    inner.runOnce(0);
    expect([outer.running(), inner.running()]).toEqual([true, false]);
    expectIOLoopError(
      thrownBy(() => inner.start()),
      "ERR_LOOP_RUNNING",
    );
    outer.addCallback(() => {
      log.push("outer");
      outer.stop();
    });
  });
  run(outer);
  expect(log).toEqual(["inner", "outer"]);
});

test("a loop can run again after a run was left by an error", () => {
  using loop = testLoop();
  loop.addCallback(() => {
    throw new Error("leaves the run");
  });
  expect(() => loop.start()).toThrow("leaves the run");
  expect(loop.running()).toBeFalse();
  loop.addCallback(() => loop.stop());
  run(loop);
});
