import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ioloop, type TurboIOLoop, util } from "../src/turbo.ts";
import { Fds, thrownBy } from "./support.ts";
import { expectIOLoopError, timed } from "./support-system.ts";
import { pass, start } from "./support-turbo.ts";

let loop: TurboIOLoop;

beforeEach(() => {
  loop = ioloop.IOLoop();
});

afterEach(() => {
  loop.close();
});

describe("add_callback", () => {
  test("runs callbacks in order with their argument, and returns the loop", () => {
    const ran: unknown[] = [];
    const chained = loop
      .add_callback((arg) => ran.push(arg), "first")
      .add_callback((...args: unknown[]) => ran.push(args.length))
      .add_callback((arg) => ran.push(arg), null);
    expect(chained).toBe(loop);
    pass(loop);
    expect(ran[0]).toBe("first");
    expect(ran[2]).toBeNull();
    expect(ran).toHaveLength(3);
  });

  test("ends a loop that runs", () => {
    const running: boolean[] = [];
    loop.add_callback(() => {
      running.push(loop.running());
      loop.close();
    });
    start(loop);
    running.push(loop.running());
    expect(running).toEqual([true, false]);
  });
});

describe("add_timeout", () => {
  test.each([
    ["wall-clock", () => util.gettimeofday()],
    ["monotonic", () => util.gettimemonotonic()],
  ])("takes a %s time: never early, and in order", (_name, clock) => {
    const ran: unknown[] = [];
    const waited = timed(() => {
      loop.add_timeout(clock() + 30, () => loop.stop());
      loop.add_timeout(clock() + 20, (arg) => ran.push(arg), "second");
      loop.add_timeout(clock() + 10, (arg) => ran.push(arg), "first");
      start(loop);
    });
    expect(ran).toEqual(["first", "second"]);
    expect(waited).toBeGreaterThanOrEqual(30);
    // Taken for the wrong clock it would run at once, or in decades.
    expect(waited).toBeLessThan(1000);
  });

  test("that is past runs on the next pass", () => {
    const ran: string[] = [];
    loop.add_timeout(util.gettimeofday() - 1000, () => ran.push("wall"));
    loop.add_timeout(util.gettimemonotonic() - 1000, () => ran.push("monotonic"));
    loop.add_timeout(0, () => ran.push("zero"));
    pass(loop);
    expect(ran).toEqual(["wall", "monotonic", "zero"]);
  });

  test("is cancelled by remove_timeout, which answers whether it was pending", () => {
    let ran = 0;
    const removed = loop.add_timeout(util.gettimemonotonic(), () => ran++);
    const kept = loop.add_timeout(util.gettimemonotonic(), () => ran++);
    expect(loop.remove_timeout(removed)).toBeTrue();
    expect(loop.remove_timeout(removed)).toBeFalse();
    pass(loop);
    expect(ran).toBe(1);
    expect(loop.remove_timeout(kept)).toBeFalse();
    expect(loop.remove_timeout(123_456_789)).toBeFalse();
  });
});

describe("set_interval", () => {
  test("repeats with its argument until clear_interval, which answers whether it ran", () => {
    const beats: unknown[] = [];
    const answers: boolean[] = [];
    const waited = timed(() => {
      const interval = loop.set_interval(
        5,
        (arg) => {
          beats.push(arg);
          if (beats.length < 4) return;
          answers.push(loop.clear_interval(interval), loop.clear_interval(interval));
          loop.add_timeout(util.gettimemonotonic() + 20, () => loop.stop());
        },
        "beat",
      );
      start(loop);
    });
    expect(beats).toEqual(["beat", "beat", "beat", "beat"]);
    expect(answers).toEqual([true, false]);
    // Four beats and the pause after them; a late one does not move the grid.
    expect(waited).toBeGreaterThanOrEqual(40);
  });

  test("throws for a period of 0", () => {
    expect(thrownBy(() => loop.set_interval(0, () => {}))).toBeInstanceOf(RangeError);
  });
});

describe("start, stop and close", () => {
  test("a stopped loop keeps what it has, and starts again", () => {
    const ran: string[] = [];
    loop.add_callback(() => loop.stop());
    loop.add_timeout(util.gettimemonotonic() + 5, () => {
      ran.push("timeout");
      loop.stop();
    });
    start(loop);
    expect(ran).toEqual([]);
    start(loop);
    expect(ran).toEqual(["timeout"]);
  });

  test("close clears the pending callbacks, timeouts and handlers", () => {
    using fds = new Fds();
    const ran: string[] = [];
    loop.add_handler(fds.pair()[0], ioloop.WRITE, () => ran.push("handler"));
    const timeout = loop.add_timeout(util.gettimemonotonic() + 1000, () => ran.push("timeout"));
    const interval = loop.set_interval(1000, () => ran.push("interval"));
    loop.add_callback(() => {
      loop.close();
      ran.push("callback");
    });
    loop.add_callback(() => ran.push("second callback"));
    loop.start();
    expect(ran).toEqual(["callback"]);
    expect(loop.running()).toBeFalse();
    expect(loop.remove_timeout(timeout)).toBeFalse();
    expect(loop.clear_interval(interval)).toBeFalse();
    expectIOLoopError(
      thrownBy(() => loop.start()),
      "ERR_LOOP_CLOSED",
    );
    loop.close();
  });
});

describe("util", () => {
  test("gettimeofday is epoch milliseconds with fractions", () => {
    const before = Date.now();
    const readings = Array.from({ length: 50 }, () => util.gettimeofday());
    const after = Date.now();
    // The kept offset may be off by the granularity of Date.now().
    expect(readings[0]).toBeGreaterThan(before - 50);
    expect(readings[0]).toBeLessThan(after + 50);
    expect(readings.some((reading) => reading % 1 !== 0)).toBeTrue();
  });

  test("gettimemonotonic is milliseconds that never go back, and is no epoch time", () => {
    const [first, second] = [util.gettimemonotonic(), util.gettimemonotonic()];
    expect(second).toBeGreaterThanOrEqual(first);
    expect(second).toBeLessThan(1e12);
    expect(util.gettimeofday()).toBeGreaterThan(1e12);
  });
});
