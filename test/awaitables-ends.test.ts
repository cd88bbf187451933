import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { type IOLoop, READ, WRITE } from "../src/index.ts";
import { drain, Fds, fill, ignore, poke, testLoop } from "./support.ts";
import { expectFree, expectNothingDue, reasonOf, settle } from "./support-awaiting.ts";
import { forgetsClosed } from "./support-backend.ts";
import { FakeClocks } from "./support-clock.ts";
import { dup2 } from "./support-libc.ts";
import { MODES, runIn } from "./support-modes.ts";
import { expectIOLoopError } from "./support-system.ts";

/** How often `signal` is listened to. */
function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

function expectTimeout(reason: unknown): void {
  expect(reason).toBeInstanceOf(DOMException);
  expect(reason).toMatchObject({ name: "TimeoutError" });
}

describe.each([...MODES])("in %s", (mode) => {
  test("an abort while it waits rejects with the signal's reason, and leaves nothing", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const reason = { my: "reason" };
    await settle(mode, loop, async () => {
      const abort = new AbortController();
      const waiting = loop.readable(reader, { signal: abort.signal, timeout: 60_000 });
      loop.callLater(1, () => abort.abort(reason));
      expect(await reasonOf(waiting)).toBe(reason);
      expect(listeners(abort.signal)).toBe(0);
      expectFree(loop, reader);
      // What comes later goes to whoever asks then.
      poke(writer);
      expect(await loop.readable(reader)).toBe(READ);
    });
    expectNothingDue(loop);
  });

  test("a signal that many waits share ends them all, with one reason", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const abort = new AbortController();
    const { signal } = abort;
    const pipes = Array.from({ length: 50 }, () => fds.pipe());
    await settle(mode, loop, async () => {
      const waits: Promise<unknown>[] = pipes.map(([reader]) => loop.readable(reader, { signal }));
      for (let count = 0; count < 50; count++) waits.push(loop.sleep(60_000, { signal }));
      expect(listeners(signal)).toBe(100);
      loop.addCallback(() => abort.abort("all of you"));
      const reasons = await Promise.all(waits.map(reasonOf));
      expect(reasons).toEqual(Array.from({ length: 100 }, () => "all of you"));
      for (const [reader] of pipes) expectFree(loop, reader);
    });
    expect(listeners(signal)).toBe(0);
    expectNothingDue(loop);
  });

  test("a timeout rejects with a TimeoutError, not early, and leaves nothing", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    fill(a);
    const { signal } = new AbortController();
    await settle(mode, loop, async () => {
      for (const direction of ["readable", "writable"] as const) {
        const began = performance.now();
        expectTimeout(await reasonOf(loop[direction](a, { timeout: 5, signal })));
        expect(performance.now() - began).toBeGreaterThanOrEqual(5);
        expect(listeners(signal)).toBe(0);
        expectFree(loop, a);
      }
      drain(b);
      expect(await loop.writable(a, { timeout: Number.POSITIVE_INFINITY })).toBe(WRITE);
    });
    expectNothingDue(loop);
  });

  test("one direction times out, and the other goes on to wait", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    fill(a);
    await settle(mode, loop, async () => {
      const writable = loop.writable(a);
      expectTimeout(await reasonOf(loop.readable(a, { timeout: 1 })));
      poke(b);
      // Nobody asks for that any more.
      await loop.sleep(2);
      drain(b);
      expect(await writable).toBe(WRITE);
      expectFree(loop, a);
    });
  });

  test("removeHandler of an awaited fd rejects ECANCELED, and frees it", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    fill(a);
    const { signal } = new AbortController();
    await settle(mode, loop, async () => {
      const options = { signal, timeout: 60_000 };
      const waits = [loop.readable(a, options), loop.writable(a, options)];
      await loop.sleep(1);
      expect(loop.removeHandler(a)).toBeTrue();
      expectFree(loop, a);
      for (const reason of await Promise.all(waits.map(reasonOf))) {
        expectIOLoopError(reason, "ECANCELED", /removed/);
        expect(reason).toMatchObject({ fd: a });
      }
      expect(listeners(signal)).toBe(0);
      expect(loop.removeHandler(a)).toBeFalse();
    });
    expectNothingDue(loop);
  });

  test("close() rejects all that is pending with ERR_LOOP_CLOSED", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    fill(a);
    const { signal } = new AbortController();
    const options = { signal, timeout: 60_000 };
    const waits = [
      loop.readable(a, options),
      loop.writable(a, options),
      loop.sleep(60_000, { signal }),
    ].map(reasonOf);
    loop.callLater(1, () => loop.close());
    await runIn(mode, loop);
    for (const reason of await Promise.all(waits)) expectIOLoopError(reason, "ERR_LOOP_CLOSED");
    expect(listeners(signal)).toBe(0);
    for (const late of [loop.readable(a), loop.writable(a), loop.sleep(0)]) {
      expectIOLoopError(await reasonOf(late), "ERR_LOOP_CLOSED");
    }
  });

  test.each<[string, string, (loop: IOLoop, fd: number, abort: AbortController) => void]>([
    ["a timeout", "TimeoutError", ignore],
    ["an abort", "AbortError", (_loop, _fd, abort) => abort.abort()],
    ["removeHandler", "IOLoopError", (loop, fd) => loop.removeHandler(fd)],
  ])(
    "an fd that is closed meanwhile tells nothing until %s; then its number is free",
    async (_, name, end) => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader, writer] = fds.pipe();
      const [other, otherWriter] = fds.pipe();
      await settle(mode, loop, async () => {
        const abort = new AbortController();
        const options = { signal: abort.signal, timeout: name === "TimeoutError" ? 5 : 60_000 };
        let settled = false;
        const waiting = reasonOf(loop.readable(reader, options)).finally(() => {
          settled = true;
        });
        fds.close(reader);
        fds.close(writer);
        if (name !== "TimeoutError") {
          await loop.sleep(2);
          expect(settled).toBeFalse();
        }
        end(loop, reader, abort);
        expect(await waiting).toMatchObject({ name });
        // The same number, for another file.
        fds.keep(dup2(other, reader));
        const again = loop.readable(reader);
        poke(otherWriter);
        expect(await again).toBe(READ);
        expectFree(loop, reader);
      });
      expectNothingDue(loop);
    },
  );
});

test("a signal that is aborted already rejects at once, and registers nothing", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader] = fds.pipe();
  const signal = AbortSignal.abort("before");
  const waits = [
    loop.readable(reader, { signal, timeout: 60_000 }),
    loop.writable(reader, { signal }),
    loop.sleep(60_000, { signal }),
  ];
  expectFree(loop, reader);
  expectNothingDue(loop);
  expect(await Promise.all(waits.map(reasonOf))).toEqual(["before", "before", "before"]);
  expect(listeners(signal)).toBe(0);
});

test("an abort without a reason is an AbortError, and only the first of two counts", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const abort = new AbortController();
  const waiting = loop.readable(fds.pipe()[0], { signal: abort.signal });
  abort.abort();
  abort.abort("too late");
  expect(await reasonOf(waiting)).toMatchObject({ name: "AbortError" });
});

test("an abort after it has settled does nothing, also not to a later handler of the fd", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  const abort = new AbortController();
  const waiting = loop.readable(reader, { signal: abort.signal });
  loop.runOnce(0);
  expect(listeners(abort.signal)).toBe(0);
  let calls = 0;
  loop.addHandler(reader, READ, () => calls++);
  abort.abort();
  expect(await waiting).toBe(READ);
  loop.runOnce(0);
  expect(calls).toBe(1);
});

test("AbortSignal.timeout ends a wait of a hosted loop", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader] = fds.pipe();
  await settle("run()", loop, async () => {
    expectTimeout(await reasonOf(loop.readable(reader, { signal: AbortSignal.timeout(2) })));
    expectTimeout(await reasonOf(loop.sleep(60_000, { signal: AbortSignal.timeout(2) })));
  });
});

test.each([0, -1, Number.NEGATIVE_INFINITY])(
  "a timeout of %d means the next pass, not the call itself",
  async (timeout) => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader] = fds.pipe();
    let settled = false;
    const waiting = reasonOf(loop.readable(reader, { timeout })).finally(() => {
      settled = true;
    });
    await Promise.resolve();
    expect(settled).toBeFalse();
    loop.runOnce(0);
    expectTimeout(await waiting);
    expectFree(loop, reader);
  },
);

test("where fd and timeout are due in one iteration, the timeout comes first, and alone", async () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const outcomes: unknown[] = [];
  loop.readable(reader, { timeout: 5 }).then(
    (events) => outcomes.push(events),
    (reason) => outcomes.push(reason.name),
  );
  poke(writer);
  clocks.mono += 5;
  expect(loop.runOnce(0)).toBe(0);
  loop.runOnce(0);
  expect(outcomes).toEqual(["TimeoutError"]);
  expectFree(loop, reader);
  expectNothingDue(loop);
});

test("a timeout that falls due while the batch is dispatched comes too late", async () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const [first, firstWriter] = fds.pipe();
  // Whichever of the two is called first: it takes longer than the timeout.
  loop.addHandler(first, READ, () => {
    clocks.mono += 10;
    loop.removeHandler(first);
  });
  const outcomes: unknown[] = [];
  loop.readable(reader, { timeout: 5 }).then(
    (events) => outcomes.push(events),
    (reason) => outcomes.push(reason.name),
  );
  poke(firstWriter);
  poke(writer);
  loop.runOnce(0);
  loop.runOnce(0);
  expect(outcomes).toEqual([READ]);
  expectNothingDue(loop);
});

test("an abort by an earlier handler of the batch keeps a ready wait from resolving", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const pipes = [fds.pipe(), fds.pipe()];
  const aborts = pipes.map(() => new AbortController());
  const outcomes: unknown[] = [];
  // Each aborts the other: whichever is dispatched first wins.
  for (const [index, [reader, writer]] of pipes.entries()) {
    const signal = aborts[index]?.signal;
    loop.readable(reader, { signal }).then(
      () => {
        outcomes.push("resolved");
        aborts[1 - index]?.abort("aborted");
      },
      (reason) => outcomes.push(reason),
    );
    poke(writer);
  }
  loop.runOnce(0);
  loop.runOnce(0);
  expect(outcomes).toEqual(["resolved", "aborted"]);
  for (const [reader] of pipes) expectFree(loop, reader);
});

test("close() outside a run rejects what is pending too, once", async () => {
  using fds = new Fds();
  const loop = testLoop();
  const waits = [loop.readable(fds.pipe()[0]), loop.sleep(5)].map(reasonOf);
  loop.close();
  loop.close();
  for (const reason of await Promise.all(waits)) expectIOLoopError(reason, "ERR_LOOP_CLOSED");
});

test.skipIf(forgetsClosed)(
  "of two waits for an fd that was closed, the one that remains hears of it when the other one ends",
  async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    fill(a);
    const abort = new AbortController();
    const readable = reasonOf(loop.readable(a, { signal: abort.signal }));
    const writable = reasonOf(loop.writable(a, { timeout: 60_000 }));
    fds.close(a);
    abort.abort("enough");
    expect(await readable).toBe("enough");
    expectIOLoopError(await writable, "EBADF");
    expectFree(loop, fds.pair()[0]);
    expectNothingDue(loop);
  },
);
