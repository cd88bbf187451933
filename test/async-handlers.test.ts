import { describe, expect, test } from "bun:test";
import { type CallContext, type IOLoop, READ } from "../src/index.ts";
import { drain, Fds, ignore, poke, run, testLoop } from "./support.ts";
import { expectFree } from "./support-awaiting.ts";
import { MODES, runIn } from "./support-modes.ts";
import { addCall, type Source } from "./support-sources.ts";

/** A loop that notes what goes wrong, and stops at the first of it. */
function notingLoop(): { readonly loop: IOLoop; readonly noted: [string, CallContext][] } {
  const noted: [string, CallContext][] = [];
  const loop: IOLoop = testLoop({
    onError(error, context) {
      noted.push([(error as Error).message, context]);
      loop.stop();
    },
  });
  return { loop, noted };
}

/** Where a promise rejects: at once, after microtasks, and in a later iteration. */
const DELAYS: readonly [string, (loop: IOLoop) => Promise<unknown> | undefined][] = [
  ["at once", () => undefined],
  ["after some microtasks", () => Promise.resolve().then(ignore).then(ignore)],
  ["in a later iteration", (loop) => loop.sleep(2)],
];

describe.each([...MODES])("in %s", (mode) => {
  describe.each(DELAYS)("a promise that rejects %s", (_, delay) => {
    test.each<Source>(["callback", "timeout", "interval"])(
      "of a %s reaches onError with its source and ref",
      async (source) => {
        const { loop, noted } = notingLoop();
        using _closed = loop;
        const fail = async (): Promise<void> => {
          await delay(loop);
          throw new Error("late");
        };
        let ref: number | undefined;
        if (source === "callback") loop.addCallback(fail);
        else if (source === "timeout") ref = loop.callLater(0, fail);
        else ref = loop.setInterval(1, fail);
        await runIn(mode, loop);
        const context = source === "callback" ? { source } : { source, ref };
        expect(noted).toEqual([["late", context as CallContext]]);
      },
    );

    test("of a handler reaches onError with its fd, and the handler stays", async () => {
      const { loop, noted } = notingLoop();
      using _closed = loop;
      using fds = new Fds();
      const [reader, writer] = fds.pipe();
      let calls = 0;
      loop.addHandler(reader, READ, async (fd) => {
        drain(fd);
        if (++calls === 3) loop.stop();
        else {
          await delay(loop);
          throw new Error(`call ${calls}`);
        }
      });
      for (let round = 0; round < 3; round++) {
        poke(writer);
        await runIn(mode, loop);
      }
      const context = { source: "handler", fd: reader } as const;
      expect(noted).toEqual([
        ["call 1", context],
        ["call 2", context],
      ]);
      expect(calls).toBe(3);
      expect(loop.removeHandler(reader)).toBeTrue();
    });
  });

  test("a handler that throws before it returns its promise is removed", async () => {
    const { loop, noted } = notingLoop();
    using _closed = loop;
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    let calls = 0;
    loop.addHandler(reader, READ, (): Promise<void> => {
      calls++;
      throw new Error("no promise");
    });
    poke(writer);
    await runIn(mode, loop);
    expect(noted).toEqual([["no promise", { source: "handler", fd: reader }]]);
    expectFree(loop, reader);
    loop.callLater(2, () => loop.stop());
    await runIn(mode, loop);
    expect(calls).toBe(1);
  });

  test("a rejected handler that has taken its fd away is reported, and takes nothing back", async () => {
    const { loop, noted } = notingLoop();
    using _closed = loop;
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    loop.addHandler(reader, READ, async (fd) => {
      loop.removeHandler(fd);
      await loop.readable(fd);
      throw new Error("read");
    });
    poke(writer);
    await runIn(mode, loop);
    expect(noted).toEqual([["read", { source: "handler", fd: reader }]]);
    expectFree(loop, reader);
  });

  test("an async handler is called again though its last call has not ended", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    let [running, most] = [0, 0];
    loop.addHandler(reader, READ, async () => {
      most = Math.max(most, ++running);
      if (most === 3) loop.stop();
      await new Promise<void>(ignore);
    });
    poke(writer);
    await runIn(mode, loop);
    expect(most).toBe(3);
    loop.removeHandler(reader);
  });

  test("an interval skips its beats while an async tick is pending, and goes on after it", async () => {
    using loop = testLoop();
    let [running, most, ticks] = [0, 0, 0];
    const ref = loop.setInterval(1, async () => {
      most = Math.max(most, ++running);
      // Several beats fall into it.
      await loop.sleep(5);
      running--;
      if (++ticks < 4) return;
      loop.clearInterval(ref);
      loop.stop();
    });
    await runIn(mode, loop);
    expect([most, ticks]).toEqual([1, 4]);
  });

  test("an interval whose ticks reject is reported each time, and goes on", async () => {
    const errors: unknown[] = [];
    using loop = testLoop({
      onError(error, context) {
        errors.push([error, context.ref]);
        if (errors.length < 3) return;
        loop.clearInterval(ref);
        loop.stop();
      },
    });
    let ticks = 0;
    const ref = loop.setInterval(1, async () => {
      const tick = ++ticks;
      await loop.sleep(tick === 2 ? 3 : 0);
      throw tick;
    });
    await runIn(mode, loop);
    expect(errors).toEqual([
      [1, ref],
      [2, ref],
      [3, ref],
    ]);
  });

  test("an interval that is cleared while its tick is pending ticks no more; the tick ends", async () => {
    using loop = testLoop();
    const log: string[] = [];
    const ref = loop.setInterval(1, async () => {
      log.push("begin");
      loop.callLater(1, () => loop.clearInterval(ref));
      await loop.sleep(4);
      log.push("end");
      loop.callLater(4, () => loop.stop());
    });
    await runIn(mode, loop);
    expect(log).toEqual(["begin", "end"]);
  });

  test.each<Source>(["handler", "callback", "timeout", "interval"])(
    "what an async %s does after its first await belongs to it, and runs once",
    async (source) => {
      using loop = testLoop();
      using fds = new Fds();
      const log: number[] = [];
      addCall(loop, fds, source, async () => {
        for (let step = 0; step < 3; step++) {
          log.push(step);
          await loop.sleep(1);
        }
        loop.stop();
      });
      await runIn(mode, loop);
      expect(log).toEqual([0, 1, 2]);
    },
  );
});

test("a hosted interval skips its beats also while a tick waits for Bun's own timers", async () => {
  using loop = testLoop();
  let [running, most, ticks] = [0, 0, 0];
  loop.setInterval(1, async () => {
    most = Math.max(most, ++running);
    await Bun.sleep(5);
    running--;
    if (++ticks === 4) loop.stop();
  });
  await runIn("run()", loop);
  expect([most, ticks]).toEqual([1, 4]);
});

test.each<Source>(["handler", "callback", "timeout", "interval"])(
  "a hosted %s that rejects between two turns reaches onError",
  async (source) => {
    const { loop, noted } = notingLoop();
    using _closed = loop;
    using fds = new Fds();
    addCall(loop, fds, source, async () => {
      await Bun.sleep(2);
      throw new Error("between turns");
    });
    await runIn("run()", loop);
    expect(noted).toEqual([["between turns", expect.objectContaining({ source })]]);
  },
);

test("a promise that rejects after the run has ended is still reported", async () => {
  const { loop, noted } = notingLoop();
  using _closed = loop;
  const { promise, reject } = Promise.withResolvers<void>();
  loop.addCallback(() => {
    loop.stop();
    return promise;
  });
  run(loop);
  reject(new Error("after the run"));
  await Bun.sleep(0);
  expect(noted).toEqual([["after the run", { source: "callback" }]]);
});

test("a thenable of somebody's own is followed like a promise", () => {
  const { loop, noted } = notingLoop();
  using _closed = loop;
  loop.addCallback(() => ({
    // biome-ignore lint/suspicious/noThenProperty: a foreign promise is what this is about.
    then(_fulfilled: () => void, rejected: (error: unknown) => void): void {
      loop.callLater(1, () => rejected(new Error("foreign")));
    },
  }));
  run(loop);
  expect(noted).toEqual([["foreign", { source: "callback" }]]);
});

test.each([...MODES])(
  "what waits in a handler for the loop that is closed in %s is no error of the handler, and other errors are",
  async (mode) => {
    const noted: string[] = [];
    const loop = testLoop({ onError: (error) => noted.push((error as Error).message) });
    let ended = 0;
    const wait = async (): Promise<void> => {
      try {
        await loop.sleep(60_000);
      } finally {
        ended++;
      }
    };
    loop.addCallback(wait);
    loop.addCallback(() => wait().catch(() => Promise.reject(new Error("of its own"))));
    loop.addCallback(() => {
      loop.callLater(1, () => loop.close());
    });
    await runIn(mode, loop);
    await Bun.sleep(0);
    expect({ noted, ended }).toEqual({ noted: ["of its own"], ended: 2 });
  },
);
