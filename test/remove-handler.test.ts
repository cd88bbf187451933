import { describe, expect, test } from "bun:test";
import { EDGE, ERROR, type FdLike, ONESHOT, READ, WRITE } from "../src/index.ts";
import { drain, Fds, poke, testLoop } from "./support.ts";
import { dup2 } from "./support-libc.ts";
import { watch } from "./support-watch.ts";

test("removing an fd without handler returns false", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  expect(loop.removeHandler(a)).toBe(false);
  watch(loop, a, READ);
  expect(loop.removeHandler(a)).toBe(true);
  expect(loop.removeHandler(a)).toBe(false);
});

test.each<[string, unknown]>([
  ["-1", -1],
  ["a number beyond the table", 1_000_000],
  ["2 ** 31", 2 ** 31],
  ["1.5", 1.5],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["undefined", undefined],
  ["null", null],
  ["a string", "3"],
  ["a bigint", 3n],
  ["a symbol", Symbol("fd")],
  ["a function", () => 3],
  ["an empty object", {}],
  ["an object with a string", { fd: "3" }],
  ["an object with -1", { fd: -1 }],
])("removing %s returns false and does not throw", (_name, garbage) => {
  using loop = testLoop();
  expect(loop.removeHandler(garbage as FdLike)).toBe(false);
});

test("removing an object whose fd cannot be read returns false and does not throw", () => {
  using loop = testLoop();
  const gone = {
    get fd(): number {
      throw new Error("the device is closed");
    },
  };
  expect(loop.removeHandler(gone)).toBe(false);
});

test("an object that no longer tells its fd is found by its identity", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const device = { fd: a };
  watch(loop, device, WRITE);
  fds.close(a);
  device.fd = -1;
  expect(loop.removeHandler({ fd: -1 })).toBe(false);
  expect(loop.removeHandler(device)).toBe(true);
  expect(loop.runOnce(0)).toBe(0);
});

test.each([READ, WRITE, ERROR, READ | EDGE, READ | ONESHOT])(
  "nothing is told after the removal, whatever the mask was: %i",
  (mask) => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, mask);
    poke(b);
    loop.removeHandler(a);
    fds.close(b);
    expect(loop.runOnce(0)).toBe(0);
    expect(seen).toEqual([]);
  },
);

test("closing right after the removal is fine", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  watch(loop, a, WRITE);
  loop.removeHandler(a);
  fds.close(a);
  expect(loop.runOnce(0)).toBe(0);
});

test("removing after the fd was closed is fine, and the number can be added again", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const [another] = fds.pair();
  watch(loop, a, WRITE);
  fds.close(a);
  expect(loop.removeHandler(a)).toBe(true);
  expect(loop.runOnce(0)).toBe(0);
  fds.keep(dup2(another, a));
  const seen = watch(loop, a, WRITE);
  loop.runOnce(0);
  expect(seen).toEqual([WRITE]);
});

test("a number that was closed and reused keeps its handler, which a new mask brings to life", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const [another] = fds.pair();
  const seen = watch(loop, a, WRITE);
  fds.close(a);
  fds.keep(dup2(another, a));
  expect(loop.runOnce(0)).toBe(0);
  loop.updateHandler(a, READ | WRITE);
  loop.runOnce(0);
  expect(seen).toEqual([WRITE]);
});

describe("within one batch,", () => {
  test("a handler may remove itself", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    let calls = 0;
    loop.addHandler(a, WRITE, (fd) => {
      calls++;
      expect(loop.removeHandler(fd)).toBe(true);
    });
    expect(loop.runOnce(0)).toBe(1);
    expect(loop.runOnce(0)).toBe(0);
    expect(calls).toBe(1);
  });

  test("a handler may remove itself, close its fd, and be followed by others", () => {
    using loop = testLoop();
    using fds = new Fds();
    for (let index = 0; index < 5; index++) {
      loop.addHandler(fds.pair()[0], WRITE, (fd) => {
        loop.removeHandler(fd);
        fds.close(fd);
      });
    }
    expect(loop.runOnce(0)).toBe(5);
    expect(loop.runOnce(0)).toBe(0);
  });

  test("a handler may replace itself, and the new one waits for the next batch", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const order: string[] = [];
    loop.addHandler(a, WRITE, (fd) => {
      order.push("old");
      loop.removeHandler(fd);
      loop.addHandler(fd, WRITE, () => order.push("new"));
    });
    loop.runOnce(0);
    expect(order).toEqual(["old"]);
    loop.runOnce(0);
    expect(order).toEqual(["old", "new"]);
  });

  test("a removed handler is not called any more", () => {
    using loop = testLoop();
    using fds = new Fds();
    const all = [0, 1, 2, 3].map(() => fds.pair()[0]);
    for (const fd of all) {
      loop.addHandler(fd, WRITE, () => {
        for (const other of all) if (other !== fd) loop.removeHandler(other);
      });
    }
    expect(loop.runOnce(0)).toBe(1);
    expect(loop.runOnce(0)).toBe(1);
  });

  test("a handler that is added for a ready fd waits for the next batch", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    let added: number[] | undefined;
    loop.addHandler(a, WRITE, () => {
      added ??= watch(loop, b, WRITE);
    });
    expect(loop.runOnce(0)).toBe(1);
    expect(added).toEqual([]);
    expect(loop.runOnce(0)).toBe(2);
    expect(added).toEqual([WRITE]);
  });

  test("a handler that was removed and added again does not get the old event", () => {
    using loop = testLoop();
    using fds = new Fds();
    const pairs = [fds.pair(), fds.pair()];
    const called: string[] = [];
    for (const [a, b] of pairs) {
      poke(b);
      loop.addHandler(a, READ, () => {
        called.push("first");
        for (const [other] of pairs) {
          drain(other);
          loop.removeHandler(other);
          loop.addHandler(other, READ, () => called.push("second"));
        }
      });
    }
    expect(loop.runOnce(0)).toBe(1);
    expect(loop.runOnce(0)).toBe(0);
    for (const [, b] of pairs) poke(b);
    expect(loop.runOnce(0)).toBe(2);
    expect(called).toEqual(["first", "second", "second"]);
  });

  test("a reused fd number does not get the event of the file before", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [quiet, quietPeer] = fds.pair();
    const ready = [fds.pair(), fds.pair()];
    let reused = -1;
    const seen: number[] = [];
    for (const [a, b] of ready) {
      poke(b);
      loop.addHandler(a, READ, (fd) => {
        loop.removeHandler(fd);
        reused = ready[0]?.[0] === fd ? (ready[1]?.[0] ?? -1) : (ready[0]?.[0] ?? -1);
        loop.removeHandler(reused);
        fds.close(reused);
        fds.keep(dup2(quiet, reused));
        loop.addHandler(reused, READ, (_fd, events) => seen.push(events));
      });
    }
    expect(loop.runOnce(0)).toBe(1);
    expect(loop.runOnce(0)).toBe(0);
    poke(quietPeer);
    expect(loop.runOnce(0)).toBe(1);
    expect(seen).toEqual([READ]);
  });

  test("bits that another handler has dropped are not told any more", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen: number[] = [];
    for (const [fd, other] of [
      [a, b],
      [b, a],
    ] as const) {
      poke(fd);
      loop.addHandler(fd, READ | WRITE, (_fd, events) => {
        seen.push(events);
        loop.updateHandler(other, READ);
      });
    }
    expect(loop.runOnce(0)).toBe(2);
    expect(seen).toEqual([READ | WRITE, READ]);
  });

  test("a handler that another one has paused is not called", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    for (const [fd, other] of [
      [a, b],
      [b, a],
    ] as const) {
      loop.addHandler(fd, WRITE, () => loop.updateHandler(other, 0));
    }
    expect(loop.runOnce(0)).toBe(1);
    expect(loop.runOnce(0)).toBe(1);
  });
});
