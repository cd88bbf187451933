import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { EDGE, ERROR, type FdLike, IOLoopError, PRI, READ, WRITE } from "../src/index.ts";
import { Fds, ignore, poke, testLoop, thrownBy, untyped } from "./support.ts";
import { CONTROL } from "./support-backend.ts";
import { dup2 } from "./support-libc.ts";
import { watch } from "./support-watch.ts";

function ioLoopErrorOf(attempt: () => unknown): IOLoopError {
  const error = thrownBy(attempt);
  if (error instanceof IOLoopError) return error;
  throw new Error("not an IOLoopError", { cause: error });
}

test("addHandler and updateHandler return true", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  expect(loop.addHandler(a, READ, ignore)).toBe(true);
  expect(loop.updateHandler(a, READ | WRITE)).toBe(true);
});

test.each([0, READ])(
  "a second handler for an fd throws EEXIST, and the first stays, mask %i",
  (mask) => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const first = watch(loop, a, mask);
    const error = ioLoopErrorOf(() => watch(loop, a, READ | WRITE));
    expect(error).toMatchObject({ code: "EEXIST", fd: a });
    expect(error.message).toContain("updateHandler");
    poke(b);
    loop.runOnce(0);
    expect(first).toEqual(mask === 0 ? [] : [READ]);
    loop.updateHandler(a, READ);
    loop.runOnce(0);
    expect(first.at(-1)).toBe(READ);
  },
);

test("an update of an fd without handler throws ENOENT and adds nothing", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const farBeyondTheTable = 1_000_000;
  for (const fd of [a, farBeyondTheTable]) {
    const error = ioLoopErrorOf(() => loop.updateHandler(fd, WRITE));
    expect(error).toMatchObject({ code: "ENOENT", fd });
    expect(error.message).toContain("addHandler");
    expect(loop.removeHandler(fd)).toBe(false);
  }
  watch(loop, a, WRITE);
  loop.removeHandler(a);
  expect(ioLoopErrorOf(() => loop.updateHandler(a, WRITE)).code).toBe("ENOENT");
  expect(loop.runOnce(0)).toBe(0);
});

test.each([0, READ, ERROR, READ | EDGE])("a closed fd throws EBADF at once, mask %i", (mask) => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  fds.close(a);
  expect(ioLoopErrorOf(() => loop.addHandler(a, mask, ignore))).toMatchObject({
    code: "EBADF",
    errno: 9,
    syscall: CONTROL,
    fd: a,
  });
  expect(loop.removeHandler(a)).toBe(false);
});

test.each([-1, -100, 2 ** 31, 2 ** 40])("fd %d throws EBADF", (fd) => {
  using loop = testLoop();
  expect(ioLoopErrorOf(() => loop.addHandler(fd, READ, ignore)).code).toBe("EBADF");
  expect(ioLoopErrorOf(() => loop.updateHandler(fd, READ)).code).toBe("EBADF");
  expect(ioLoopErrorOf(() => loop.addHandler({ fd }, READ, ignore)).code).toBe("EBADF");
});

// macOS refuses the device itself, as one that its kqueue does not know.
const REFUSED_DEVICE =
  process.platform === "darwin"
    ? (["EINVAL", /cannot watch this kind of file/] as const)
    : (["EPERM", /always ready/] as const);

test.each([
  ["a regular file", import.meta.path, "EPERM", /always ready/],
  ["a directory", import.meta.dir, "EPERM", /always ready/],
  ["/dev/null", "/dev/null", ...REFUSED_DEVICE],
] as const)("%s is refused, and the message says why", (_name, path, code, reason) => {
  using loop = testLoop();
  const fd = openSync(path, "r");
  try {
    for (const mask of [READ, 0]) {
      const error = ioLoopErrorOf(() => loop.addHandler(fd, mask, ignore));
      expect(error).toMatchObject({ code, fd });
      expect(error.message).toMatch(reason);
      expect(loop.removeHandler(fd)).toBe(false);
    }
  } finally {
    closeSync(fd);
  }
});

test("an fd that was refused can be added once it is open", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  fds.close(a);
  thrownBy(() => loop.addHandler(a, READ, ignore));
  fds.keep(dup2(fds.pair()[0], a));
  const seen = watch(loop, a, WRITE);
  loop.runOnce(0);
  expect(seen).toEqual([WRITE]);
});

const WRONG_EVENTS: [string, unknown, typeof TypeError | typeof RangeError][] = [
  ["0x80", 0x80, RangeError],
  ["0x101", 0x101, RangeError],
  ["2 ** 32 + READ", 2 ** 32 + READ, RangeError],
  ["-1", -1, RangeError],
  ["1.5", 1.5, RangeError],
  ["NaN", Number.NaN, RangeError],
  ["Infinity", Number.POSITIVE_INFINITY, RangeError],
  ["a string", "1", TypeError],
  ["undefined", undefined, TypeError],
  ["null", null, TypeError],
  ["a bigint", 1n, TypeError],
  ["an array", [READ], TypeError],
];

test.each(WRONG_EVENTS)("events of %s are refused, and change nothing", (_name, events, kind) => {
  using loop = testLoop();
  using fds = new Fds();
  const [a, b] = fds.pair();
  const refusal = thrownBy(() => loop.addHandler(a, untyped(events), ignore));
  expect(refusal).toBeInstanceOf(kind);
  expect(String(refusal)).toContain("events");
  expect(loop.removeHandler(a)).toBe(false);
  const seen = watch(loop, a, READ);
  expect(thrownBy(() => loop.updateHandler(a, untyped(events)))).toBeInstanceOf(kind);
  poke(b);
  loop.runOnce(0);
  expect(seen).toEqual([READ]);
});

test("every combination of the known bits is taken", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  loop.addHandler(a, 0, ignore);
  const every = READ | PRI | WRITE | ERROR | 0x60;
  for (let mask = 0; mask <= every; mask++) expect(loop.updateHandler(a, mask)).toBe(true);
});

const WRONG_FDS: [string, unknown, typeof TypeError | typeof RangeError][] = [
  ["a string", "3", TypeError],
  ["undefined", undefined, TypeError],
  ["null", null, TypeError],
  ["an empty object", {}, TypeError],
  ["an object with a string", { fd: "3" }, TypeError],
  ["an object with an object", { fd: { fd: 3 } }, TypeError],
  ["a bigint", 3n, TypeError],
  ["true", true, TypeError],
  ["1.5", 1.5, RangeError],
  ["NaN", Number.NaN, RangeError],
  ["Infinity", Number.POSITIVE_INFINITY, RangeError],
  ["an object with NaN", { fd: Number.NaN }, RangeError],
];

test.each(WRONG_FDS)("%s is refused as an fd, with advice", (_name, fd, kind) => {
  using loop = testLoop();
  const target = untyped<FdLike>(fd);
  for (const attempt of [
    () => loop.addHandler(target, READ, ignore),
    () => loop.updateHandler(target, READ),
  ]) {
    const refusal = thrownBy(attempt);
    expect(refusal).toBeInstanceOf(kind);
    expect(String(refusal)).toMatch(/fd must be .*: pass /);
  }
});

test.each([
  ["undefined", undefined],
  ["null", null],
  ["a string", "handler"],
  ["an object", { handleEvent: ignore }],
])("%s is refused as a handler, and nothing is watched", (_name, handler) => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const refusal = thrownBy(() => loop.addHandler(a, WRITE, untyped(handler)));
  expect(refusal).toBeInstanceOf(TypeError);
  expect(String(refusal)).toContain("handler must be a function");
  expect(loop.removeHandler(a)).toBe(false);
  expect(loop.runOnce(0)).toBe(0);
});

test("on a closed loop adding and updating throw ERR_LOOP_CLOSED, and removing returns false", () => {
  using fds = new Fds();
  const [a] = fds.pair();
  const loop = testLoop();
  watch(loop, a, READ);
  loop.close();
  expect(ioLoopErrorOf(() => watch(loop, a, READ)).code).toBe("ERR_LOOP_CLOSED");
  expect(ioLoopErrorOf(() => loop.updateHandler(a, READ)).code).toBe("ERR_LOOP_CLOSED");
  expect(loop.removeHandler(a)).toBe(false);
});
