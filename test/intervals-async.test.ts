import { expect, test } from "bun:test";
import { run, testLoop } from "./support.ts";
import { beat, FakeClocks } from "./support-clock.ts";

test("while an async tick is pending its beats are skipped, then the grid goes on", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  const start = clocks.mono;
  const beats: number[] = [];
  let finish = (): void => {};
  loop.setInterval(10, () => {
    beats.push(clocks.mono - start);
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  });
  const passAt = (time: number): void => {
    clocks.mono = start + time;
    loop.runOnce(0);
  };
  for (const time of [10, 20, 30]) passAt(time);
  clocks.mono = start + 34;
  loop.addCallback(() => finish());
  for (const time of [35, 39, 40, 50]) passAt(time);
  expect(beats).toEqual([10, 40]);
});

test("an async tick that settles at once misses no beat", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  let beats = 0;
  loop.setInterval(10, async () => {
    beats++;
    await null;
  });
  beat(loop, clocks, 5);
  expect(beats).toBe(5);
});

test("a rejected async tick is not pending any longer", () => {
  using clocks = new FakeClocks();
  const errors: unknown[] = [];
  using loop = testLoop({ onError: (error) => errors.push(error) });
  let beats = 0;
  loop.setInterval(10, async () => {
    await null;
    throw ++beats;
  });
  beat(loop, clocks, 3);
  expect(errors).toEqual([1, 2, 3]);
});

test("one interval's pending tick does not hold up another", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  let beats = 0;
  loop.setInterval(10, () => new Promise<void>(() => {}));
  loop.setInterval(10, () => beats++);
  beat(loop, clocks, 3);
  expect(beats).toBe(3);
});

test("an interval with a pending tick can be cleared", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  let finish = (): void => {};
  const ref = loop.setInterval(10, () => {
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  });
  beat(loop, clocks, 1);
  expect(loop.clearInterval(ref)).toBeTrue();
  loop.addCallback(() => finish());
  beat(loop, clocks, 1);
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
});

test("a tick that settles between two runs does not silence its interval", () => {
  using loop = testLoop();
  let beats = 0;
  let finish = (): void => {};
  loop.setInterval(2, () => {
    if (++beats === 2) loop.stop();
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  });
  while (beats === 0) loop.runOnce(20);
  finish();
  // Nothing but the interval is there to be called.
  for (let pass = 0; pass < 5 && beats === 1; pass++) loop.runOnce(20);
  expect(beats).toBe(2);
});

test("a thenable that settles within then() does not silence its interval", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  let beats = 0;
  // biome-ignore lint/suspicious/noThenProperty: a foreign promise is what this is about.
  const settled = { then: (fulfilled: () => void) => fulfilled() };
  loop.setInterval(10, () => {
    beats++;
    return settled;
  });
  beat(loop, clocks, 3);
  expect(beats).toBe(3);
});

test("an async tick that awaits another callback of the loop is followed to its end", () => {
  using loop = testLoop();
  const log: string[] = [];
  loop.setInterval(1, async () => {
    log.push("begin");
    await new Promise<void>((resolve) => loop.callLater(5, resolve));
    log.push("end");
    if (log.length === 6) loop.stop();
  });
  run(loop);
  // The interval step comes after the timeout that ended the loop, and may begin once more.
  expect(log.slice(0, 6)).toEqual(["begin", "end", "begin", "end", "begin", "end"]);
});
