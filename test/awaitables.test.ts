import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { drain, Fds, fill, openFds, poke, runUntilTrue, testLoop } from "./support.ts";
import { expectFree, expectNothingDue, settle } from "./support-awaiting.ts";
import { lacks } from "./support-backend.ts";
import { FAILED, HUNG_UP } from "./support-events.ts";
import { MODES, runIn } from "./support-modes.ts";
import { addCall, type Source } from "./support-sources.ts";
import { deadPort } from "./support-tcp.ts";

const hostname = "127.0.0.1";

describe.each([...MODES])("in %s", (mode) => {
  test("readable resolves with READ as soon as there is something to read", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    await settle(mode, loop, async () => {
      const waiting = loop.readable(reader);
      let settled = false;
      waiting.then(() => {
        settled = true;
      });
      await loop.sleep(2);
      expect(settled).toBeFalse();
      poke(writer);
      expect(await waiting).toBe(READ);
      expectFree(loop, reader);
    });
    expectNothingDue(loop);
  });

  test("readable resolves also where the bytes were there before", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer, "ab");
    await settle(mode, loop, async () => {
      expect(await loop.readable(reader)).toBe(READ);
      // It reads nothing itself.
      expect(drain(reader)).toBe("ab");
    });
  });

  test("writable resolves with WRITE as soon as there is room", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    fill(a);
    await settle(mode, loop, async () => {
      let settled = false;
      const waiting = loop.writable(a).finally(() => {
        settled = true;
      });
      await loop.sleep(2);
      expect(settled).toBeFalse();
      drain(b);
      expect(await waiting).toBe(WRITE);
      expectFree(loop, a);
    });
    expectNothingDue(loop);
  });

  test("a hang-up comes with what was waited for, as to a handler", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const [otherReader, otherWriter] = fds.pipe();
    fill(otherWriter);
    await settle(mode, loop, async () => {
      const waits = [loop.readable(reader), loop.writable(otherWriter)];
      fds.close(writer);
      fds.close(otherReader);
      expect(await Promise.all(waits)).toEqual([READ | HUNG_UP, WRITE | FAILED]);
      expectFree(loop, reader);
      expectFree(loop, otherWriter);
    });
  });

  test("writable tells of a refused connection, which socketError names", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const client = fds.keep(io.connect({ hostname, port: deadPort(fds, "stream") }));
    await settle(mode, loop, async () => {
      expect(await loop.writable(client)).toBe(WRITE | FAILED | HUNG_UP);
    });
    if (!lacks("pending errors")) {
      expect(io.socketError(client)).toBe(constants.errno.ECONNREFUSED);
    }
  });

  test("readable and writable wait on one fd together, and each settles by itself", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    for (const first of ["readable", "writable"] as const) {
      fill(a);
      await settle(mode, loop, async () => {
        const settled: string[] = [];
        const waits = {
          readable: loop.readable(a).then((events) => settled.push("readable") && events),
          writable: loop.writable(a).then((events) => settled.push("writable") && events),
        };
        await loop.sleep(2);
        expect(settled).toEqual([]);
        if (first === "readable") {
          poke(b);
          expect(await waits.readable).toBe(READ);
          await loop.sleep(2);
          expect(settled).toEqual(["readable"]);
          drain(b);
          expect(await waits.writable).toBe(WRITE);
        } else {
          drain(b);
          expect(await waits.writable).toBe(WRITE);
          await loop.sleep(2);
          expect(settled).toEqual(["writable"]);
          poke(b);
          expect(await waits.readable).toBe(READ);
        }
        drain(a);
        expectFree(loop, a);
      });
    }
    expectNothingDue(loop);
  });

  test("what is ready both ways at once settles both waits", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    poke(b);
    await settle(mode, loop, async () => {
      const [readable, writable] = await Promise.all([loop.readable(a), loop.writable(a)]);
      expect(readable & READ).toBe(READ);
      expect(writable & WRITE).toBe(WRITE);
      expectFree(loop, a);
    });
  });

  test("a hang-up settles both waits of one fd", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    fill(a);
    await settle(mode, loop, async () => {
      const waits = Promise.all([loop.readable(a), loop.writable(a)]);
      fds.close(b);
      for (const events of await waits) expect(events & HUNG_UP).toBe(HUNG_UP);
      expectFree(loop, a);
    });
  });

  test.each<Source>(["handler", "timeout", "interval", "callback", "microtask"])(
    "a %s can await",
    async (source) => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader, writer] = fds.pipe();
      const log: unknown[] = [];
      addCall(loop, fds, source, async () => {
        loop.callLater(1, () => poke(writer));
        log.push(await loop.readable(reader));
        await loop.sleep(1);
        log.push(await loop.writable(writer));
        loop.stop();
      });
      await runIn(mode, loop);
      expect(log).toEqual([READ, WRITE]);
    },
  );

  test("waits that were begun before the run settle in it", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    const waits = Promise.all([loop.readable(reader), loop.writable(writer), loop.sleep(1)]);
    waits.then(() => loop.stop());
    await runIn(mode, loop);
    expect(await waits).toEqual([READ, WRITE, undefined]);
  });

  test("two ends of a socket talk, each in an async function of its own", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const play = async (fd: number, begins: boolean): Promise<number> => {
      let rounds = 0;
      if (begins) poke(fd);
      while (rounds < 100) {
        await loop.readable(fd);
        rounds += drain(fd).length;
        await loop.writable(fd);
        poke(fd);
      }
      return rounds;
    };
    const played = await settle(mode, loop, () => Promise.all([play(a, true), play(b, false)]));
    expect(played).toEqual([100, 100]);
  });

  test("thousands of waits, one after another, leave nothing behind", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const { signal } = new AbortController();
    const buffer = new Uint8Array(1);
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        const waiting = loop.readable(reader, { signal, timeout: 60_000 });
        poke(writer);
        expect(await waiting).toBe(READ);
        io.read(reader, buffer);
      }
    };
    const alive = (): number => {
      Bun.gc(true);
      const { objectTypeCounts } = heapStats();
      return (objectTypeCounts["Promise"] ?? 0) + (objectTypeCounts["Function"] ?? 0);
    };
    await settle(mode, loop, () => rounds(50));
    const [before, fdsBefore] = [alive(), openFds()];
    await settle(mode, loop, () => rounds(3000));
    // Each wait that stayed would keep a promise and some functions; a run of its own keeps a few.
    expect(alive() - before).toBeLessThan(1000);
    expect(openFds()).toBeLessThanOrEqual(fdsBefore);
    expectNothingDue(loop);
    expectFree(loop, reader);
  });
});

test("from outside a turn of a hosted loop it can be awaited as from inside", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const running = runIn("run()", loop);
  // Where Bun's own timers call, no turn is under way.
  await Bun.sleep(2);
  setTimeout(() => poke(writer), 2);
  expect(await loop.readable(reader)).toBe(READ);
  await Bun.sleep(2);
  expect(await Promise.all([loop.readable(reader), loop.writable(writer)])).toEqual([READ, WRITE]);
  await Bun.sleep(2);
  const began = performance.now();
  await loop.sleep(2);
  expect(performance.now() - began).toBeGreaterThanOrEqual(2);
  expectFree(loop, reader);
  loop.stop();
  await running;
});

test("runUntil returns what a wait resolves with", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const before = loop.readable(reader);
  loop.callLater(1, () => poke(writer));
  expect(loop.runUntil(before, { timeout: 4000 })).toBe(READ);
  const work = async (): Promise<number> => {
    await loop.sleep(1);
    return loop.readable(reader);
  };
  expect(loop.runUntil(work, { timeout: 4000 })).toBe(READ);
  expectNothingDue(loop);
});

test("single passes settle waits too", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const settled: unknown[] = [];
  loop.readable(reader).then((events) => settled.push(events));
  loop.runOnce(0);
  expect(settled).toEqual([]);
  poke(writer);
  runUntilTrue(loop, () => settled.length > 0);
  expect(settled).toEqual([READ]);
  expect(loop.runOnce(0)).toBe(0);
});
