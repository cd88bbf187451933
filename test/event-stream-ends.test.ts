import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { EDGE, type IOLoop, ONESHOT, READ } from "../src/index.ts";
import { Fds, poke, testLoop } from "./support.ts";
import { expectFree, expectNothingDue, reasonOf, settle } from "./support-awaiting.ts";
import { MODES, runIn } from "./support-modes.ts";
import { expectIOLoopError } from "./support-system.ts";

const OVER = { done: true, value: undefined } as const;

describe.each([...MODES])("in %s", (mode) => {
  test("break removes the fd, and so does an error in the body", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    const { signal } = new AbortController();
    await settle(mode, loop, async () => {
      for await (const _ of loop.events(reader, READ, { signal })) break;
      expectFree(loop, reader);
      const consume = async (): Promise<void> => {
        for await (const _ of loop.events(reader, READ, { signal })) throw new Error("in the body");
      };
      expect(await reasonOf(consume())).toMatchObject({ message: "in the body" });
      expectFree(loop, reader);
      const first = async (): Promise<number> => {
        for await (const events of loop.events(reader, READ, { signal })) return events;
        return 0;
      };
      expect(await first()).toBe(READ);
      expectFree(loop, reader);
    });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expectNothingDue(loop);
  });

  test("return() while next() is pending answers both, and removes the fd", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader] = fds.pipe();
    await settle(mode, loop, async () => {
      const stream = loop.events(reader, READ);
      const asked = [stream.next(), stream.next()];
      await loop.sleep(1);
      expect(await stream.return?.()).toEqual(OVER);
      expectFree(loop, reader);
      expect(await Promise.all(asked)).toEqual([OVER, OVER]);
      expect(await stream.next()).toEqual(OVER);
      expect(await stream.return?.()).toEqual(OVER);
    });
  });

  interface End {
    readonly how: string;
    end(loop: IOLoop, fd: number, abort: AbortController): void;
    check(reason: unknown): void;
  }
  const ENDS: readonly End[] = [
    {
      how: "an abort, with the signal's reason",
      end: (_loop, _fd, abort) => abort.abort("enough"),
      check: (reason) => expect(reason).toBe("enough"),
    },
    {
      how: "removeHandler, with ECANCELED",
      end: (loop, fd) => loop.removeHandler(fd),
      check: (reason) => expectIOLoopError(reason, "ECANCELED", /removed/),
    },
    {
      how: "close(), with ERR_LOOP_CLOSED",
      end: (loop) => loop.close(),
      check: (reason) => expectIOLoopError(reason, "ERR_LOOP_CLOSED"),
    },
  ];

  describe.each(ENDS)("$how", ({ end, check }) => {
    test("ends a stream whose consumer waits", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader] = fds.pipe();
      const abort = new AbortController();
      const { signal } = abort;
      const consume = async (): Promise<void> => {
        for await (const _ of loop.events(reader, READ, { signal })) loop.stop();
      };
      const consumed = reasonOf(consume()).finally(() => loop.stop());
      loop.callLater(1, () => {
        end(loop, reader, abort);
        if (!loop.closed) expectFree(loop, reader);
      });
      await runIn(mode, loop);
      check(await consumed);
      expect(getEventListeners(signal, "abort")).toEqual([]);
    });

    test.each([
      ["level-triggered", READ],
      ["with EDGE", READ | EDGE],
      ["with ONESHOT", READ | ONESHOT],
    ])("ends a stream whose consumer is busy, %s", async (_, mask) => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader, writer] = fds.pipe();
      const abort = new AbortController();
      let rounds = 0;
      poke(writer);
      const consume = async (): Promise<void> => {
        for await (const _ of loop.events(reader, mask, { signal: abort.signal })) {
          rounds++;
          await loop.sleep(1);
          poke(writer);
          end(loop, reader, abort);
          // The failure is kept for the consumer, and is nobody's unhandled rejection meanwhile.
          if (!loop.closed) await loop.sleep(2);
        }
      };
      const consumed = reasonOf(consume()).finally(() => loop.stop());
      await runIn(mode, loop);
      check(await consumed);
      expect(rounds).toBe(1);
    });

    test("is told once, to the first who asked; then the stream is over", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader] = fds.pipe();
      const abort = new AbortController();
      const waited = loop.events(reader, READ, { signal: abort.signal });
      const asked = [reasonOf(waited.next()), waited.next()] as const;
      loop.callLater(1, () => {
        end(loop, reader, abort);
        loop.stop();
      });
      await runIn(mode, loop);
      check(await asked[0]);
      expect(await asked[1]).toEqual(OVER);
      expect(await waited.next()).toEqual(OVER);
    });

    test("does nothing to a stream that has ended", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader] = fds.pipe();
      const abort = new AbortController();
      const stream = loop.events(reader, READ, { signal: abort.signal });
      await stream.return?.();
      end(loop, reader, abort);
      expect(await stream.next()).toEqual(OVER);
    });

    test("leaves nothing to tell a consumer that returns instead of asking", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader] = fds.pipe();
      const abort = new AbortController();
      const stream = loop.events(reader, READ, { signal: abort.signal });
      end(loop, reader, abort);
      expect(await stream.return?.()).toEqual(OVER);
      expect(await stream.next()).toEqual(OVER);
    });
  });

  test("a signal that is aborted already ends a stream before its first event", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    const signal = AbortSignal.abort("before");
    await settle(mode, loop, async () => {
      let rounds = 0;
      const consume = async (): Promise<void> => {
        for await (const _ of loop.events(reader, READ, { signal })) {
          if (++rounds === 3) break;
        }
      };
      expect(await reasonOf(consume())).toBe("before");
      expect(rounds).toBe(0);
      expectFree(loop, reader);
      expect(getEventListeners(signal, "abort")).toEqual([]);
    });
  });
});

test("a stream that an event and an abort find in one batch tells the event first", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const abort = new AbortController();
  const stream = loop.events(reader, READ, { signal: abort.signal });
  const told = stream.next();
  poke(writer);
  loop.runOnce(0);
  abort.abort("after");
  expect(await told).toEqual({ done: false, value: READ });
  expect(await reasonOf(stream.next())).toBe("after");
  expectFree(loop, reader);
});

test("a signal that many streams share ends them all, and none listens to it any more", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const abort = new AbortController();
  const { signal } = abort;
  const readers = Array.from({ length: 50 }, () => fds.pipe()[0]);
  const reasons = readers.map((reader) => reasonOf(loop.events(reader, READ, { signal }).next()));
  expect(getEventListeners(signal, "abort")).toBeArrayOfSize(50);
  abort.abort("all of you");
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(await Promise.all(reasons)).toEqual(readers.map(() => "all of you"));
  for (const reader of readers) expectFree(loop, reader);
});

test("asking of an fd that was closed meanwhile rejects, and ends the stream", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader] = fds.pipe();
  const stream = loop.events(reader, READ);
  fds.close(reader);
  expectIOLoopError(await reasonOf(stream.next()), "EBADF");
  expect(await stream.next()).toEqual(OVER);
  const [again] = fds.pipe();
  expect(again).toBe(reader);
  expectFree(loop, again);
});
