import { describe, expect, test } from "bun:test";
import {
  type CallContext,
  ERROR,
  type IOLoop,
  IOLoopError,
  ONESHOT,
  READ,
  WRITE,
} from "../src/index.ts";
import { Fds, ignore, poke, run, testLoop, thrownBy } from "./support.ts";
import { CONTROL, forgetsClosed, PEER_CLOSED } from "./support-backend.ts";
import { HUNG_UP } from "./support-events.ts";
import { dup, dup2 } from "./support-libc.ts";
import { watch } from "./support-watch.ts";

describe("an update", () => {
  test("before a wait holds for that wait", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ);
    loop.updateHandler(a, WRITE);
    loop.runOnce(0);
    loop.updateHandler(a, READ);
    expect(loop.runOnce(0)).toBe(0);
    poke(b);
    loop.runOnce(0);
    expect(seen).toEqual([WRITE, READ]);
  });

  test("in a callback or timeout holds for the wait of the same iteration", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const seen = watch(loop, a, READ);
    loop.addCallback(() => loop.updateHandler(a, WRITE));
    expect(loop.runOnce(0)).toBe(1);
    loop.callLater(0, () => loop.updateHandler(a, READ));
    expect(loop.runOnce(0)).toBe(0);
    expect(seen).toEqual([WRITE]);
  });

  test("in the fd's own handler holds for the next wait", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const seen: number[] = [];
    loop.addHandler(a, READ | WRITE, (fd, events) => {
      seen.push(events);
      loop.updateHandler(fd, READ);
    });
    expect(loop.runOnce(0)).toBe(1);
    expect(loop.runOnce(0)).toBe(0);
    expect(seen).toEqual([WRITE]);
  });

  test("that drops READ keeps WRITE, and the other way round", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    poke(b);
    const seen = watch(loop, a, READ | WRITE);
    for (const mask of [WRITE, READ, READ | WRITE]) {
      loop.updateHandler(a, mask);
      loop.runOnce(0);
    }
    expect(seen).toEqual([WRITE, READ, READ | WRITE]);
  });

  test("to the same mask changes nothing", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ);
    for (let count = 0; count < 3; count++) loop.updateHandler(a, READ);
    expect(loop.runOnce(0)).toBe(0);
    poke(b);
    loop.runOnce(0);
    expect(seen).toEqual([READ]);
  });

  test("that is followed by others in one iteration counts for nothing: the last one holds", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const [b] = fds.pair();
    const [c] = fds.pair();
    const seen = [watch(loop, a, READ), watch(loop, b, WRITE), watch(loop, c, WRITE | ONESHOT)];
    loop.addCallback(() => {
      for (const mask of [READ | WRITE, 0, WRITE]) loop.updateHandler(a, mask);
      for (const mask of [0, READ | WRITE, READ]) loop.updateHandler(b, mask);
      for (const mask of [READ, 0, WRITE]) loop.updateHandler(c, mask);
    });
    loop.runOnce(0);
    loop.runOnce(0);
    expect(seen).toEqual([[WRITE, WRITE], [], [WRITE, WRITE]]);
  });

  test("of an fd that is then removed, or removed and added, leaves nothing behind", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const [b] = fds.pair();
    const before = watch(loop, a, READ);
    watch(loop, b, READ);
    const after: number[][] = [];
    loop.addCallback(() => {
      for (const fd of [a, b]) {
        loop.updateHandler(fd, WRITE);
        loop.removeHandler(fd);
      }
      after.push(watch(loop, a, READ));
    });
    expect(loop.runOnce(0)).toBe(0);
    expect(before).toEqual([]);
    expect(after).toEqual([[]]);
    expect(loop.removeHandler(b)).toBe(false);
  });

  test("that pauses and resumes in the middle of a batch does not lose an error", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [first, firstPeer] = fds.pair();
    const [broken, brokenPeer] = fds.pair();
    const [last, lastPeer] = fds.pair();
    for (const peer of [firstPeer, lastPeer]) poke(peer);
    fds.close(brokenPeer);
    loop.addHandler(first, READ | ONESHOT, () => loop.updateHandler(broken, 0));
    const seen = watch(loop, broken, ERROR);
    loop.addHandler(last, READ | ONESHOT, () => loop.updateHandler(broken, ERROR));
    for (let pass = 0; pass < 3; pass++) loop.runOnce(0);
    expect(seen).toEqual([HUNG_UP]);
  });
});

/** Has the next iteration update a handler whose fd was closed, which the kernel refuses. */
function addRefused(loop: IOLoop, fds: Fds): void {
  const [fd] = fds.pair();
  loop.addHandler(fd, READ, ignore);
  loop.addCallback(() => {
    fds.close(fd);
    loop.updateHandler(fd, WRITE);
  });
}

describe("an update that the kernel refuses", () => {
  test("outside an iteration throws, and the old mask stays", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ);
    const keeper = fds.keep(dup(a));
    fds.close(a);
    const refusal = thrownBy(() => loop.updateHandler(a, READ | WRITE));
    expect(refusal).toBeInstanceOf(IOLoopError);
    expect(refusal).toMatchObject({ code: "EBADF", fd: a });
    // epoll knows a registration by number and open file: both are back.
    fds.keep(dup2(keeper, a));
    expect(loop.runOnce(0)).toBe(0);
    poke(b);
    loop.runOnce(0);
    fds.close(b);
    loop.runOnce(0);
    expect(seen).toEqual(forgetsClosed ? [] : [READ, PEER_CLOSED]);
  });

  test('inside one goes to onError with source "update", and the handler is gone', () => {
    const reports: [unknown, CallContext, boolean][] = [];
    using fds = new Fds();
    const [a] = fds.pair();
    using loop = testLoop({
      onError: (error, context) => reports.push([error, context, loop.removeHandler(a)]),
    });
    loop.addHandler(a, READ, ignore);
    let returned = false;
    loop.addCallback(() => {
      fds.close(a);
      returned = loop.updateHandler(a, WRITE);
    });
    expect(loop.runOnce(0)).toBe(0);
    expect(returned).toBe(true);
    expect(reports).toHaveLength(1);
    const [error, context, wasThere] = reports[0] ?? [];
    expect(error).toBeInstanceOf(IOLoopError);
    expect(error).toMatchObject({ code: "EBADF", fd: a, syscall: CONTROL });
    expect(context).toEqual({ source: "update", fd: a });
    expect(wasThere).toBe(false);
    loop.runOnce(0);
    expect(reports).toHaveLength(1);
  });

  test("leaves start() when onError throws, and the loop can go on", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const [b] = fds.pair();
    loop.addHandler(a, READ, ignore);
    loop.addHandler(b, READ, () => loop.stop());
    loop.addCallback(() => {
      loop.updateHandler(b, WRITE);
      fds.close(a);
      loop.updateHandler(a, WRITE);
    });
    expect(thrownBy(() => run(loop))).toMatchObject({ code: "EBADF", fd: a });
    expect(loop.running()).toBe(false);
    run(loop);
  });

  test("does not take the place of an error that is leaving: each leaves a run of its own", () => {
    using loop = testLoop({
      onError: (_error, { source, fd }) => {
        throw new Error(`${source} ${fd}`);
      },
    });
    using fds = new Fds();
    const closed = [fds.pair()[0], fds.pair()[0]];
    const [a, b] = fds.pair();
    for (const fd of closed) loop.addHandler(fd, READ, ignore);
    loop.addHandler(a, READ, () => {
      for (const fd of closed) {
        loop.updateHandler(fd, WRITE);
        fds.close(fd);
      }
      throw new Error("thrown");
    });
    poke(b);
    const left = [1, 2, 3].map(() => (thrownBy(() => loop.runOnce(0)) as Error).message);
    expect(left[0]).toBe(`handler ${a}`);
    expect(left.slice(1).toSorted()).toEqual(closed.map((fd) => `update ${fd}`).toSorted());
    expect(loop.runOnce(0)).toBe(0);
  });

  test("does not keep the others of its iteration from being heard", () => {
    const refused: (number | undefined)[] = [];
    using loop = testLoop({ onError: (_error, { fd }) => refused.push(fd) });
    using fds = new Fds();
    const closed = [fds.pair()[0], fds.pair()[0]];
    const [open] = fds.pair();
    for (const fd of closed) loop.addHandler(fd, READ, ignore);
    const seen = watch(loop, open, READ);
    loop.addCallback(() => {
      for (const fd of [...closed, open]) {
        if (fd !== open) fds.close(fd);
        loop.updateHandler(fd, WRITE);
      }
    });
    expect(loop.runOnce(0)).toBe(1);
    expect(refused.toSorted()).toEqual(closed.toSorted());
    expect(seen).toEqual([WRITE]);
  });

  test("may update another handler in onError, from this very wait on", () => {
    using fds = new Fds();
    const [a] = fds.pair();
    using loop = testLoop({ onError: () => loop.updateHandler(a, WRITE) });
    const seen = watch(loop, a, 0);
    addRefused(loop, fds);
    expect(loop.runOnce(3000)).toBe(1);
    expect(seen).toEqual([WRITE]);
  });

  test("may settle in onError what runUntil waits for", () => {
    const work = Promise.withResolvers<string>();
    using fds = new Fds();
    using loop = testLoop({ onError: () => work.resolve("settled") });
    addRefused(loop, fds);
    const began = performance.now();
    expect(loop.runUntil(work.promise, { timeout: 3000 })).toBe("settled");
    // Without the report's own microtasks it would settle as late as the timeout.
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test("may close the loop in onError", () => {
    using fds = new Fds();
    using loop = testLoop({ onError: () => loop.close() });
    addRefused(loop, fds);
    run(loop);
    expect(loop.closed).toBe(true);
  });
});
