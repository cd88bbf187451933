import { expect, test } from "bun:test";
import { EDGE, ERROR, READ, WRITE } from "../src/index.ts";
import { Fds, fail, poke, run, testLoop } from "./support.ts";
import { CHILD_TEST_MS, runChild } from "./support-child.ts";
import { busy } from "./support-clock.ts";
import { addCall, type Source } from "./support-sources.ts";
import { watch } from "./support-watch.ts";

// In these loops onError throws what it is given.

test("the error leaves start(), and the rest of the batch comes at the next one, EDGE events too", () => {
  using loop = testLoop();
  using fds = new Fds();
  const called: number[] = [];
  const pipes = Array.from({ length: 5 }, () => fds.pipe());
  for (const [index, [reader, writer]] of pipes.entries()) {
    loop.addHandler(reader, READ | EDGE, () => {
      called.push(index);
      if (called.length === 2) fail("leaves");
    });
    poke(writer);
  }
  expect(() => run(loop)).toThrow("leaves");
  expect(called.length).toBe(2);
  expect(loop.pollTimeout()).toBe(0);
  // Each EDGE event comes once from the kernel: what was in the batch must have been kept.
  expect(loop.runOnce(0)).toBe(3);
  expect(called.toSorted()).toEqual([0, 1, 2, 3, 4]);
  expect(loop.runOnce(0)).toBe(0);
});

test("what is removed between the two runs is not called from the kept batch", () => {
  using loop = testLoop();
  using fds = new Fds();
  const pipes = Array.from({ length: 4 }, () => fds.pipe());
  const called: number[] = [];
  for (const [reader, writer] of pipes) {
    loop.addHandler(reader, READ, () => {
      called.push(reader);
      if (called.length === 1) fail("leaves");
    });
    poke(writer);
  }
  expect(() => loop.runOnce(0)).toThrow("leaves");
  const [removed, replaced] = pipes.map(([reader]) => reader).filter((fd) => fd !== called[0]);
  if (removed === undefined || replaced === undefined) throw new Error("too few pipes");
  loop.removeHandler(removed);
  loop.removeHandler(replaced);
  let fresh = 0;
  loop.addHandler(replaced, READ, () => fresh++);
  loop.runOnce(0);
  expect(called.length).toBe(2);
  expect([called.includes(removed), called.includes(replaced), fresh]).toEqual([false, false, 0]);
  loop.runOnce(0);
  expect(fresh).toBe(1);
});

test("queued callbacks, due timeouts and due intervals still run at the next start, in order", () => {
  using loop = testLoop();
  const ran: string[] = [];
  const add = (name: string, index: number): void => {
    ran.push(`${name} ${index}`);
    if (index === 1) fail(name);
  };
  for (let index = 0; index < 3; index++) {
    loop.callLater(0, () => add("timeout", index));
    loop.setInterval(1000, () => {});
    loop.addCallback(() => add("callback", index));
  }
  expect(() => run(loop)).toThrow("timeout");
  expect(ran).toEqual(["timeout 0", "timeout 1"]);
  expect(() => run(loop)).toThrow("callback");
  expect(ran.slice(2)).toEqual(["timeout 2", "callback 0", "callback 1"]);
  loop.addCallback(() => {
    ran.push("new");
    loop.stop();
  });
  run(loop);
  expect(ran.slice(5)).toEqual(["callback 2", "new"]);
});

test("an interval that throws out of the loop keeps beating, and so do those behind it", () => {
  using loop = testLoop();
  const ran: string[] = [];
  loop.setInterval(1, () => {
    ran.push("first");
    if (ran.length === 1) fail("interval");
  });
  loop.setInterval(1, () => ran.push("second"));
  busy(1);
  expect(() => loop.runOnce(0)).toThrow("interval");
  busy(1);
  loop.runOnce(0);
  expect(ran.toSorted()).toEqual(["first", "first", "second"]);
});

test("the handler that threw is gone, and the others are watched", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [bad, writerOfBad] = fds.pipe();
  const [good, writerOfGood] = fds.pipe();
  let calls = 0;
  loop.addHandler(bad, READ, () => fail("handler"));
  loop.addHandler(good, READ, () => calls++);
  poke(writerOfBad);
  expect(() => loop.runOnce(0)).toThrow("handler");
  poke(writerOfGood);
  loop.runOnce(0);
  expect([calls, loop.removeHandler(bad)]).toEqual([1, false]);
});

test.each<Source>(["callback", "timeout", "interval", "handler"])(
  "the rejection of an async %s leaves start() too, right after that call",
  (source) => {
    using loop = testLoop();
    using fds = new Fds();
    const reject = async (): Promise<never> => {
      await null;
      return fail("rejected");
    };
    let after = 0;
    const next = (): void => {
      after++;
      loop.stop();
    };
    for (const call of [reject, next]) addCall(loop, fds, source, call);
    expect(() => run(loop)).toThrow("rejected");
    expect([after, loop.running()]).toEqual([0, false]);
    run(loop);
    expect(after).toBe(1);
  },
);

test("what an error left of a batch is neither a ghost nor lost, whatever is done between the runs", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [edge] = fds.pair();
  const told = watch(loop, edge, WRITE | EDGE);
  loop.runOnce(0);
  for (let round = 0; round < 4; round++) {
    const [thrower, left, paused] = [fds.pair(), fds.pair(), fds.pair()] as const;
    loop.addHandler(thrower[0], WRITE, () => fail("thrown"));
    const seen = watch(loop, paused[0], WRITE);
    const hungUp = watch(loop, left[0], ERROR);
    fds.close(left[1]);
    expect(() => loop.runOnce(0)).toThrow("thrown");
    loop.updateHandler(paused[0], 0);
    loop.updateHandler(left[0], 0);
    loop.updateHandler(left[0], ERROR);
    for (let pass = 0; pass < 3; pass++) loop.runOnce(0);
    expect([seen, hungUp.length]).toEqual([[], 1]);
    for (const fd of [thrower[0], left[0], paused[0]]) loop.removeHandler(fd);
  }
  // A rebuilt queue would have told it once more.
  expect(told).toEqual([WRITE]);
});

test("of two rejections in one call's microtasks neither is lost", () => {
  using loop = testLoop();
  const gate = Promise.withResolvers<void>();
  for (const name of ["first", "second"]) {
    loop.addCallback(async () => {
      await gate.promise;
      fail(name);
    });
  }
  loop.runOnce(0);
  loop.addCallback(() => gate.resolve());
  const left: string[] = [];
  for (let pass = 0; pass < 3; pass++) {
    loop.addCallback(() => {});
    try {
      loop.runOnce(0);
    } catch (error) {
      left.push((error as Error).message);
    }
  }
  expect(left).toEqual(["first", "second"]);
});

test(
  "the default onError prints source, error and stack to stderr, and the loop goes on",
  async () => {
    const { stdout, stderr, code } = await runChild("default-on-error.ts");
    expect({ stdout, code }).toEqual({ stdout: "went on\n", code: 0 });
    for (const source of ["callback", "timeout", "interval", "handler", "rejection"]) {
      expect(stderr).toContain(`from a ${source}`);
    }
    expect(stderr).toMatch(/error in handler of fd \d+/);
    expect(stderr).toMatch(/error in timeout \d+/);
    expect(stderr).toContain("failInTheChild");
    expect(stderr).toContain("default-on-error.ts");
  },
  CHILD_TEST_MS,
);
