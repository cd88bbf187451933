import { expect, test } from "bun:test";
import { type Arg, type FdLike, type IOLoop, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { Fds, poke, testLoop, thrownBy } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { dup2, fdLimit } from "./support-libc.ts";
import { watch } from "./support-watch.ts";

/** Adds a handler for WRITE that notes what it is called with. */
function noteCalls(loop: IOLoop, fd: FdLike, ...rest: [] | [unknown]): unknown[][] {
  const calls: unknown[][] = [];
  const handler = (...args: unknown[]): void => {
    calls.push(args);
  };
  if (rest.length === 0) loop.addHandler(fd, WRITE, handler);
  else loop.addHandler(fd, WRITE, handler, rest[0] as Arg);
  return calls;
}

test("the handler receives the very object that was registered", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const device = { fd: a, name: "device" };
  const calls = noteCalls(loop, device);
  loop.runOnce(0);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toHaveLength(2);
  expect(calls[0]?.[0]).toBe(device);
  expect(calls[0]?.[1]).toBe(WRITE);
});

test("an object may have its fd from a getter or a class", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  class Device {
    get fd(): number {
      return a;
    }
  }
  const device = new Device();
  const calls = noteCalls(loop, device);
  loop.runOnce(0);
  expect(calls).toEqual([[device, WRITE]]);
});

test.skipIf(lacks("a queue that can be watched"))("a loop is an object with a fd", () => {
  using loop = testLoop();
  using inner = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  watch(inner, a, WRITE);
  const heard: unknown[] = [];
  loop.addHandler(inner, READ, (fd) => heard.push(fd));
  loop.runOnce(0);
  expect(heard).toHaveLength(1);
  expect(heard[0]).toBe(inner);
});

test("a number and an object with that fd are one key", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a, b] = fds.pair();
  const seen = watch(loop, { fd: a }, READ);
  expect(thrownBy(() => watch(loop, a, READ))).toMatchObject({ code: "EEXIST" });
  expect(thrownBy(() => watch(loop, { fd: a }, READ))).toMatchObject({ code: "EEXIST" });
  expect(loop.updateHandler(a, WRITE)).toBe(true);
  loop.runOnce(0);
  expect(loop.updateHandler({ fd: a }, READ)).toBe(true);
  poke(b);
  loop.runOnce(0);
  expect(seen).toEqual([WRITE, READ]);
  expect(loop.removeHandler(a)).toBe(true);
  watch(loop, a, READ);
  expect(loop.removeHandler({ fd: a })).toBe(true);
  expect(loop.runOnce(0)).toBe(0);
});

test.each([
  ["an object", { any: "thing" }],
  ["null", null],
  ["0", 0],
  ["false", false],
  ["an empty string", ""],
  ["NaN", Number.NaN],
])("an arg of %s comes before the fd", (_name, arg) => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const calls = noteCalls(loop, a, arg);
  loop.runOnce(0);
  expect(calls).toEqual([[arg, a, WRITE]]);
  expect(Object.is(calls[0]?.[0], arg)).toBe(true);
});

test("an arg of undefined counts as not given", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const calls = noteCalls(loop, a, undefined);
  loop.runOnce(0);
  expect(calls).toEqual([[a, WRITE]]);
});

test("an arg is forgotten with its handler", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  noteCalls(loop, a, "old");
  loop.removeHandler(a);
  const calls = noteCalls(loop, a);
  loop.runOnce(0);
  expect(calls).toEqual([[a, WRITE]]);
});

test("fd numbers above 1024, and up to the limit, work beside small ones", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a, b] = fds.pair();
  const seen = watch(loop, a, READ);
  // The table is as long as the highest number, so a limit in the millions is not tried out.
  const highest = Math.min(fdLimit() - 1, 100_000);
  const numbers = [257, 1025, 4097, highest].map((number) => {
    expect(() => io.setNonBlocking(number)).toThrow("EBADF");
    return fds.keep(dup2(b, number));
  });
  const seenHigh = numbers.map((number) => watch(loop, number, WRITE));
  poke(b);
  expect(loop.runOnce(0)).toBe(numbers.length + 1);
  expect(seen).toEqual([READ]);
  for (const calls of seenHigh) expect(calls).toEqual([WRITE]);
  for (const number of numbers) expect(loop.removeHandler(number)).toBe(true);
  expect(loop.runOnce(0)).toBe(1);
});
