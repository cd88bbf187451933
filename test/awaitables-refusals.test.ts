import { describe, expect, test } from "bun:test";
import { openSync } from "node:fs";
import { type IOLoop, READ, WRITE } from "../src/index.ts";
import { Fds, ignore, poke, runUntilTrue, testLoop, thrownBy, untyped } from "./support.ts";
import { expectFree, expectNothingDue, reasonOf } from "./support-awaiting.ts";
import { expectIOLoopError } from "./support-system.ts";
import { watch } from "./support-watch.ts";

type Direction = "readable" | "writable";
const DIRECTIONS: readonly Direction[] = ["readable", "writable"];

/** A call that returns a promise, whatever it is given: one that throws fails the test. */
async function refusal(call: () => Promise<unknown>): Promise<unknown> {
  const promise = call();
  expect(promise).toBeInstanceOf(Promise);
  return reasonOf(promise);
}

describe.each(DIRECTIONS)("%s", (direction) => {
  test("rejects EEXIST where the fd has a handler, which stays", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ);
    expectIOLoopError(await refusal(() => loop[direction](a)), "EEXIST", /handler/);
    poke(b);
    loop.runOnce(0);
    expect(seen).toEqual([READ]);
    expect(loop.removeHandler(a)).toBeTrue();
  });

  test("rejects EEXIST where the fd is awaited for that already, and the first wait goes on", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    poke(b);
    const settled: number[] = [];
    loop[direction](a).then((events) => settled.push(events));
    const second = await refusal(() => loop[direction]({ fd: a }));
    expectIOLoopError(second, "EEXIST", new RegExp(direction));
    expect(second).toMatchObject({ fd: a });
    runUntilTrue(loop, () => settled.length > 0);
    expect(settled).toEqual([direction === "readable" ? READ : WRITE]);
    expectFree(loop, a);
  });

  test("keeps handlers and streams from its fd as long as it waits", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const abort = new AbortController();
    const waiting = loop[direction](a, { signal: abort.signal });
    for (const attempt of [() => loop.addHandler(a, READ, ignore), () => loop.events(a, READ)]) {
      expectIOLoopError(thrownBy(attempt), "EEXIST");
    }
    abort.abort("enough");
    expect(await reasonOf(waiting)).toBe("enough");
    expectFree(loop, a);
  });

  test("takes anything with a numeric fd", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    poke(b);
    const settled: number[] = [];
    loop[direction]({ fd: a }).then((events) => settled.push(events));
    expectIOLoopError(await refusal(() => loop[direction](a)), "EEXIST");
    runUntilTrue(loop, () => settled.length > 0);
    expect(settled).toEqual([direction === "readable" ? READ : WRITE]);
    loop[direction](a).catch(ignore);
    expect(loop.removeHandler({ fd: a })).toBeTrue();
  });

  test("rejects EBADF for what is no open fd", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    fds.close(a);
    for (const fd of [-1, a, 2 ** 31]) {
      expectIOLoopError(await refusal(() => loop[direction](fd)), "EBADF");
    }
    expectNothingDue(loop);
  });

  test("rejects EPERM for a regular file, and leaves no timer", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const file = fds.keep(openSync(import.meta.path, "r"));
    const refused = await refusal(() => loop[direction](file, { timeout: 60_000 }));
    // libkqueue and a kernel's kqueue can watch some of what epoll refuses.
    if (loop.backend === "epoll") expectIOLoopError(refused, "EPERM", /regular file/);
    expectNothingDue(loop);
  });

  test("rejects what has the wrong type or value, and never throws", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    for (const fd of ["1", null, undefined, {}, { fd: "1" }, 1n]) {
      expect(await refusal(() => loop[direction](untyped(fd)))).toBeInstanceOf(TypeError);
    }
    expect(await refusal(() => loop[direction](1.5))).toBeInstanceOf(RangeError);
    for (const options of [null, 1, { timeout: "5" }, { timeout: null }, { signal: {} }]) {
      expect(await refusal(() => loop[direction](a, untyped(options)))).toBeInstanceOf(TypeError);
    }
    const timeout = Number.NaN;
    expect(await refusal(() => loop[direction](a, { timeout }))).toBeInstanceOf(RangeError);
    expectFree(loop, a);
    expectNothingDue(loop);
  });
});

test("sleep rejects what has the wrong type or value, and never throws", async () => {
  using loop = testLoop();
  for (const ms of ["1", null, undefined, {}]) {
    expect(await refusal(() => loop.sleep(untyped(ms)))).toBeInstanceOf(TypeError);
  }
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    expect(await refusal(() => loop.sleep(ms))).toBeInstanceOf(RangeError);
  }
  for (const options of [null, { signal: "no" }]) {
    expect(await refusal(() => loop.sleep(1, untyped(options)))).toBeInstanceOf(TypeError);
  }
  expectNothingDue(loop);
});

test.each<[string, (loop: IOLoop, fd: number) => Promise<unknown>]>([
  ["readable", (loop, fd) => loop.readable(fd)],
  ["writable", (loop, fd) => loop.writable(fd)],
  ["sleep", (loop) => loop.sleep(1)],
])("%s of a closed loop rejects with ERR_LOOP_CLOSED", async (name, wait) => {
  using fds = new Fds();
  const [a] = fds.pair();
  const loop = testLoop();
  loop.close();
  expectIOLoopError(await refusal(() => wait(loop, a)), "ERR_LOOP_CLOSED", new RegExp(name));
});
