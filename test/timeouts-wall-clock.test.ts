import { expect, test } from "bun:test";
import { run, testLoop } from "./support.ts";
import { busy, HOUR_MS, MovedWallClock } from "./support-clock.ts";

/** Generous, for a machine that is busy with other things; an hour's error is far beyond it. */
const LATE_MS = 2000;

test("a timestamp is wall-clock time, as Date.now() gives it", () => {
  using loop = testLoop();
  const timestamp = Date.now() + 20;
  let ranAt = 0;
  loop.addTimeout(timestamp, () => {
    ranAt = Date.now();
    loop.stop();
  });
  run(loop);
  expect(ranAt).toBeGreaterThanOrEqual(timestamp);
  expect(ranAt).toBeLessThan(timestamp + LATE_MS);
});

test("timestamps may have fractions", () => {
  using loop = testLoop();
  const order: string[] = [];
  const base = Date.now() + 10;
  loop.addTimeout(base + 0.75, () => {
    order.push("later");
    loop.stop();
  });
  loop.addTimeout(base + 0.25, () => order.push("sooner"));
  run(loop);
  expect(order).toEqual(["sooner", "later"]);
});

test.each([
  ["forward", HOUR_MS],
  ["back", -HOUR_MS],
])("a wall clock moved %s does not move what was added before", (_, shift) => {
  using clock = new MovedWallClock();
  using loop = testLoop();
  const began = loop.time();
  let ranAt = 0;
  loop.addTimeout(Date.now() + 20, () => {
    ranAt = loop.time();
    loop.stop();
  });
  clock.shift = shift;
  run(loop);
  // Date.now() leaves out up to a millisecond.
  expect(ranAt - began).toBeGreaterThanOrEqual(19);
  expect(ranAt - began).toBeLessThan(LATE_MS);
});

test.each([
  ["forward", HOUR_MS],
  ["back", -HOUR_MS],
])("after the wall clock moved %s, new timestamps are of the new clock", (_, shift) => {
  using clock = new MovedWallClock();
  using loop = testLoop();
  const order: string[] = [];
  loop.addTimeout(Date.now() + 10, () => order.push("before the step"));
  clock.shift = shift;
  const began = loop.time();
  const timestamp = Date.now() + 30;
  loop.addTimeout(timestamp, () => {
    order.push("after the step");
    expect(Date.now()).toBeGreaterThanOrEqual(timestamp);
    loop.stop();
  });
  run(loop);
  expect(order).toEqual(["before the step", "after the step"]);
  expect(loop.time() - began).toBeLessThan(LATE_MS);
});

test("equal timestamps run in the order added, also when added at different moments", () => {
  using loop = testLoop();
  const order: number[] = [];
  const timestamp = Date.now() + 25;
  for (let index = 0; index < 40; index++) {
    loop.addTimeout(timestamp, () => order.push(index));
    busy(0.37);
  }
  loop.addTimeout(timestamp + 1, () => loop.stop());
  run(loop);
  expect(order).toEqual(Array.from({ length: 40 }, (_, index) => index));
});

test("equal timestamps keep their order after the clock was stepped", () => {
  using clock = new MovedWallClock();
  using loop = testLoop();
  clock.shift = -HOUR_MS;
  const order: number[] = [];
  const timestamp = Date.now() + 15;
  for (let index = 0; index < 30; index++) {
    loop.addTimeout(timestamp, () => order.push(index));
    busy(0.37);
  }
  loop.addTimeout(timestamp + 1, () => loop.stop());
  run(loop);
  expect(order).toEqual(Array.from({ length: 30 }, (_, index) => index));
});
