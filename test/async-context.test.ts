import { describe, expect, test } from "bun:test";
import { AsyncLocalStorage } from "node:async_hooks";
import { MessageChannel } from "node:worker_threads";
import { type IOLoop, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { drain, Fds, ignore, poke, testLoop } from "./support.ts";
import { reasonOf, settle } from "./support-awaiting.ts";
import { MODES, runIn } from "./support-modes.ts";

const storage = new AsyncLocalStorage<string>();
const other = new AsyncLocalStorage<number>();

/** What calls into a program, and how it is brought to call `func` once while the loop runs. */
const WAYS: Readonly<Record<string, (loop: IOLoop, fds: Fds, func: () => void) => void>> = {
  handler(loop, fds, func) {
    const [reader, writer] = fds.pipe();
    loop.addHandler(reader, READ, (fd) => {
      loop.removeHandler(fd);
      func();
    });
    poke(writer);
  },
  "handler with an argument"(loop, fds, func) {
    const [, writer] = fds.pipe();
    const call = (called: () => void, fd: number): void => {
      loop.removeHandler(fd);
      called();
    };
    loop.addHandler(writer, WRITE, call, func);
  },
  callback: (loop, _fds, func) => loop.addCallback(func),
  "callback with an argument": (loop, _fds, func) => loop.addCallback((arg) => arg(), func),
  addTimeout: (loop, _fds, func) => loop.addTimeout(Date.now(), func),
  callLater: (loop, _fds, func) => loop.callLater(1, func),
  callAt: (loop, _fds, func) => loop.callAt(loop.time() + 1, func),
  interval(loop, _fds, func) {
    const ref = loop.setInterval(1, () => {
      loop.clearInterval(ref);
      func();
    });
  },
  waker(loop, _fds, func) {
    const waker = loop.waker(() => {
      waker.close();
      func();
    });
    waker.wake();
  },
  port(loop, _fds, func) {
    const { port1, port2 } = new MessageChannel();
    loop.addPort(port1, () => {
      loop.removePort(port1);
      port1.close();
      func();
    });
    port2.postMessage("a message");
  },
  "signal handler"(loop, _fds, func) {
    loop.addSignalHandler("SIGUSR2", () => {
      loop.removeSignalHandler("SIGUSR2");
      func();
    });
    process.kill(process.pid, "SIGUSR2");
  },
  "child handler"(loop, _fds, func) {
    const child = Bun.spawn(["true"], { stdio: ["ignore", "ignore", "ignore"] });
    loop.addChildHandler(child.pid, func);
  },
};

/** Runs `loop` until `calls` calls were made: each tells what it sees by the function that this returns. */
function stopAfter(loop: IOLoop, calls: number): { seen: unknown[]; note: () => void } {
  const seen: unknown[] = [];
  return {
    seen,
    note: () => {
      seen.push(storage.getStore());
      if (seen.length === calls) loop.stop();
    },
  };
}

describe.each([...MODES])("in %s", (mode) => {
  describe.each(Object.entries(WAYS))("a %s", (_, add) => {
    test("sees the store of the place where it was added", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const { seen, note } = stopAfter(loop, 1);
      storage.run("added here", () => add(loop, fds, note));
      expect(storage.getStore()).toBeUndefined();
      await storage.run("run here", () => runIn(mode, loop));
      expect(seen).toEqual(["added here"]);
    });

    test("that was added without a store sees none, wherever the loop is run", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const { seen, note } = stopAfter(loop, 1);
      add(loop, fds, note);
      await storage.run("run here", () => runIn(mode, loop));
      expect(seen).toEqual([undefined]);
    });

    test("that was added by another call sees the store of that one", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const { seen, note } = stopAfter(loop, 1);
      storage.run("of the first", () => loop.addCallback(() => add(loop, fds, note)));
      await runIn(mode, loop);
      expect(seen).toEqual(["of the first"]);
    });
  });

  test("many stores at once are not mixed up", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const adders = Object.values(WAYS).filter((add) => add !== WAYS["signal handler"]);
    const seen: [string, number, string | undefined, number | undefined][] = [];
    const expected = 20 * adders.length;
    for (let round = 0; round < 20; round++) {
      for (const [index, add] of adders.entries()) {
        const name = `${round} of ${index}`;
        storage.run(name, () => {
          other.run(round, () => {
            add(loop, fds, () => {
              seen.push([name, round, storage.getStore(), other.getStore()]);
              if (seen.length === expected) loop.stop();
            });
          });
        });
      }
    }
    await runIn(mode, loop);
    for (const [name, round, store, number] of seen) expect([store, number]).toEqual([name, round]);
  });

  test("a handler sees the same store at each of its calls, and after an update", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const { seen, note } = stopAfter(loop, 3);
    storage.run("added here", () => loop.addHandler(reader, 0, note));
    storage.run("updated here", () => loop.updateHandler(reader, READ));
    poke(writer);
    await runIn(mode, loop);
    expect(seen).toEqual(["added here", "added here", "added here"]);
  });

  test("what a call enters stays with it", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const adders = Object.values(WAYS);
    const { seen, note } = stopAfter(loop, adders.length);
    for (const add of adders) {
      loop.addCallback(() => storage.enterWith("entered"));
      loop.callLater(0, () => storage.enterWith("entered"));
      add(loop, fds, note);
    }
    const [, writer] = fds.pipe();
    loop.addHandler(writer, WRITE, () => storage.enterWith("entered"));
    await runIn(mode, loop);
    expect(seen).toEqual(adders.map(() => undefined));
  });

  test("a store lasts across each await of an async handler, whatever runs between", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen: unknown[] = [];
    const noise = loop.setInterval(1, () => storage.run("noise", ignore));
    storage.run("mine", () => {
      loop.addHandler(a, READ, async (fd) => {
        loop.removeHandler(fd);
        drain(fd);
        seen.push(storage.getStore());
        await null;
        seen.push(storage.getStore());
        await loop.sleep(3);
        seen.push(storage.getStore());
        storage.run("of the peer", () => loop.callLater(1, () => poke(b)));
        await loop.readable(fd);
        seen.push(storage.getStore());
        await reasonOf(loop.readable(b, { timeout: 1 }));
        seen.push(storage.getStore());
        for await (const _ of loop.events(fd, READ)) break;
        seen.push(storage.getStore());
        loop.clearInterval(noise);
        loop.stop();
      });
    });
    poke(b);
    await runIn(mode, loop);
    expect(seen).toEqual(Array.from({ length: 6 }, () => "mine"));
  });

  test("async functions that wait for one another keep their own stores", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const play = async (fd: number): Promise<Set<unknown>> => {
      const stores = new Set<unknown>();
      for (let round = 0; round < 20; round++) {
        poke(fd);
        await loop.readable(fd);
        // One byte: the peer may have written its next one already.
        io.read(fd, new Uint8Array(1));
        stores.add(storage.getStore());
      }
      return stores;
    };
    const [ofA, ofB] = await settle(mode, loop, () =>
      Promise.all([storage.run("a", () => play(a)), storage.run("b", () => play(b))]),
    );
    expect([...ofA]).toEqual(["a"]);
    expect([...ofB]).toEqual(["b"]);
  });

  test("an interval whose async ticks enter a store begins each without it", async () => {
    using loop = testLoop();
    const { seen, note } = stopAfter(loop, 4);
    const ref = loop.setInterval(1, async () => {
      if (seen.length === 3) loop.clearInterval(ref);
      note();
      storage.enterWith("of the last tick");
      await loop.sleep(1);
    });
    await runIn(mode, loop);
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
    // The last tick's sleep ends with the loop; let it end before.
    loop.callLater(5, () => loop.stop());
    await runIn(mode, loop);
  });
});

test("the work of runUntil sees the store of its caller", () => {
  using loop = testLoop();
  const seen = storage.run("the caller's", () =>
    loop.runUntil(
      async () => {
        const before = storage.getStore();
        await loop.sleep(1);
        return [before, storage.getStore()];
      },
      { timeout: 4000 },
    ),
  );
  expect(seen).toEqual(["the caller's", "the caller's"]);
});

test("the caller's own store is the same after every kind of run", async () => {
  using loop = testLoop();
  await storage.run("the caller's", async () => {
    storage.run("another", () => loop.addCallback(() => loop.stop()));
    await runIn("start()", loop);
    expect(storage.getStore()).toBe("the caller's");
    storage.run("another", () => loop.addCallback(() => loop.stop()));
    await runIn("run()", loop);
    expect(storage.getStore()).toBe("the caller's");
    loop.addCallback(() => storage.enterWith("entered"));
    loop.runOnce(0);
    expect(storage.getStore()).toBe("the caller's");
  });
});
