import { expect, test } from "bun:test";
import { READ } from "../src/index.ts";
import { Fds, ignore, poke, testLoop } from "./support.ts";
import { FakeClocks } from "./support-clock.ts";
import { addCall } from "./support-sources.ts";
import { NO_WAIT_MS, timed } from "./support-system.ts";

test("one iteration runs timeouts, intervals, callbacks and handlers, in that order", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  const order: string[] = [];
  loop.addHandler(reader, READ, () => order.push("handler"));
  loop.addCallback(() => order.push("callback"));
  loop.setInterval(10, () => order.push("interval"));
  loop.callLater(10, () => order.push("timeout"));
  clocks.mono += 10;
  expect(loop.runOnce(0)).toBe(1);
  expect(order).toEqual(["timeout", "interval", "callback", "handler"]);
});

const STEPS = ["timeout", "interval", "callback", "handler"] as const;
type Step = (typeof STEPS)[number];

test.each([...STEPS])(
  "what a %s adds to a later step belongs to this pass, and to its own or an earlier one to the next",
  (source) => {
    using clocks = new FakeClocks();
    using loop = testLoop();
    using fds = new Fds();
    let pass = 0;
    const ranIn: Record<Step, number> = { timeout: 0, interval: 0, callback: 0, handler: 0 };
    const add = (step: Step, call: () => void): void => {
      addCall(loop, fds, step, call);
      // An interval's beat is due at once.
      if (step === "interval") clocks.mono += 1;
    };
    add(source, () => {
      for (const step of STEPS) {
        add(step, () => {
          ranIn[step] = pass;
        });
      }
    });
    for (pass = 1; pass <= 3; pass++) loop.runOnce(0);
    const own = STEPS.indexOf(source);
    for (const [index, step] of STEPS.entries())
      expect([step, ranIn[step]]).toEqual([step, index > own ? 1 : 2]);
  },
);

test("a handler for another fd of the same batch that is added meanwhile runs in the next pass", () => {
  using loop = testLoop();
  using fds = new Fds();
  const pipes = [fds.pipe(), fds.pipe()];
  const log: string[] = [];
  for (const [reader, writer] of pipes) {
    poke(writer);
    loop.addHandler(reader, READ, () => {
      log.push("old");
      for (const [other] of pipes) {
        loop.removeHandler(other);
        loop.addHandler(other, READ, () => log.push("new"));
      }
    });
  }
  expect(loop.runOnce(0)).toBe(1);
  expect(log).toEqual(["old"]);
  expect(loop.runOnce(0)).toBe(2);
  expect(log).toEqual(["old", "new", "new"]);
});

test.each(["timeout", "interval"])("the nearest %s shortens the wait", (kind) => {
  using loop = testLoop();
  for (const delay of [5000, 20, 4000]) {
    if (kind === "timeout") loop.callLater(delay, ignore);
    else loop.setInterval(delay, ignore);
  }
  const waited = timed(() => loop.runOnce(60_000));
  // Time passes between adding and waiting, so the wait is a little shorter.
  expect(waited).toBeGreaterThan(5);
  expect(waited).toBeLessThan(NO_WAIT_MS);
});

test("a wait lasts no longer than maxWait", () => {
  using loop = testLoop({ maxWait: 15 });
  const waited = timed(() => loop.runOnce(60_000));
  expect(waited).toBeGreaterThanOrEqual(15);
  expect(waited).toBeLessThan(NO_WAIT_MS);
});

test("the time until something is to be done is told without a wait", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
  loop.setInterval(50, () => {});
  expect(loop.pollTimeout()).toBe(50);
  const ref = loop.callLater(20, () => {});
  expect(loop.pollTimeout()).toBe(20);
  clocks.mono += 15;
  expect(loop.pollTimeout()).toBe(5);
  clocks.mono += 15;
  expect(loop.pollTimeout()).toBe(0);
  loop.removeTimeout(ref);
  expect(loop.pollTimeout()).toBe(20);
  loop.addCallback(() => {});
  expect(loop.pollTimeout()).toBe(0);
});
