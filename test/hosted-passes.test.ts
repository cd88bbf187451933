import { describe, expect, test } from "bun:test";
import { type IOLoop, READ } from "../src/index.ts";
import { drain, Fds, fail, poke, testLoop } from "./support.ts";
import { busy, FakeClocks } from "./support-clock.ts";
import { ASLEEP_MS, rejectionOf, runHosted, WAYS } from "./support-hosted.ts";
import { MODES, runIn } from "./support-modes.ts";

/** Ends a chain that keeps Bun from its own timers, so that the test fails and does not hang. */
const CHAIN_MOST_MS = 3000;

/** How the links of a chain are added: each is due in the iteration after the one before it. */
const LINKS: readonly (readonly [kind: string, add: (loop: IOLoop, call: () => void) => void])[] = [
  ["callbacks", (loop, call) => loop.addCallback(call)],
  ["timeouts of 0", (loop, call) => void loop.callLater(0, call)],
];

/** Calls `mark` at each of Bun's immediates. Dispose of it with `using`. */
class Immediates implements Disposable {
  #next: NodeJS.Immediate;

  constructor(mark: () => void) {
    const again = (): void => {
      mark();
      this.#next = setImmediate(again);
    };
    this.#next = setImmediate(again);
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#next);
  }
}

describe.each(WAYS)("in a hosted loop, %s,", (_name, way) => {
  describe.each(LINKS)("a chain of %s, each of which adds the next,", (_kind, add) => {
    test("that take 5 ms each lets Bun's immediates run after every one", async () => {
      using loop = testLoop();
      const log: string[] = [];
      let links = 0;
      const link = (): void => {
        log.push("link");
        busy(5);
        if (++links === 20) loop.stop();
        else add(loop, link);
      };
      add(loop, link);
      {
        using _immediates = new Immediates(() => log.push("immediate"));
        await runHosted(loop, way);
      }
      const inRow = log.filter((what, at) => what === "link" && log[at - 1] === "link").length;
      expect([links, inRow]).toEqual([20, 0]);
    });

    test("that are short has many of them run in one turn of Bun's loop", async () => {
      using loop = testLoop();
      let immediates = 0;
      let links = 0;
      const link = (): void => {
        if (++links === 20_000) loop.stop();
        else add(loop, link);
      };
      add(loop, link);
      {
        using _immediates = new Immediates(() => immediates++);
        await runHosted(loop, way);
      }
      expect(links).toBe(20_000);
      expect(immediates).toBeWithin(1, 0.9 * links);
    });

    test("that go on and on keeps neither Bun's timeouts nor its intervals waiting", async () => {
      using loop = testLoop();
      const began = performance.now();
      let [beats, timeouts] = [0, 0];
      const interval = setInterval(() => beats++, 2);
      const again = (): void => {
        timeouts++;
        timeout = setTimeout(again, 1);
      };
      let timeout = setTimeout(again, 1);
      const link = (): void => {
        const over = performance.now() - began > CHAIN_MOST_MS;
        if (over || (beats >= 5 && timeouts >= 5)) loop.stop();
        else add(loop, link);
      };
      add(loop, link);
      try {
        await runHosted(loop, way);
      } finally {
        clearInterval(interval);
        clearTimeout(timeout);
      }
      expect(beats).toBeGreaterThanOrEqual(5);
      expect(timeouts).toBeGreaterThanOrEqual(5);
      expect(performance.now() - began).toBeLessThan(CHAIN_MOST_MS);
    });
  });

  describe("in the second pass of a turn,", () => {
    /**
     * Runs a chain of three callbacks, of which the second does `deed`, while the clock stands still, so that the
     * moment of a turn does not end; returns what was called until a while after the run.
     */
    async function chain(loop: IOLoop, deed: () => void): Promise<[log: string[], error: unknown]> {
      const log: string[] = [];
      let error: unknown;
      loop.addCallback(() => {
        log.push("first");
        setImmediate(() => log.push("immediate"));
        loop.addCallback(() => {
          log.push("second");
          loop.addCallback(() => {
            log.push("third");
            loop.stop();
          });
          deed();
        });
      });
      {
        using _clocks = new FakeClocks(performance.now());
        const ended = runHosted(loop, way);
        error = await ended.catch((cause: unknown) => cause);
      }
      await Bun.sleep(ASLEEP_MS);
      return [log, error];
    }

    test("the chain goes on where nothing ends it", async () => {
      using loop = testLoop();
      const [log] = await chain(loop, () => {});
      expect(log).toEqual(["first", "second", "third", "immediate"]);
    });

    test("stop() ends the run right there, and the next run goes on with the chain", async () => {
      using loop = testLoop();
      const [log, error] = await chain(loop, () => loop.stop());
      expect(error).toBeUndefined();
      expect(log).toEqual(["first", "second", "immediate"]);
      expect(loop.running()).toBeFalse();
      await runHosted(loop, way);
      expect(log).toEqual(["first", "second", "immediate", "third"]);
    });

    test("close() ends the run right there, for good", async () => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader, writer] = fds.pipe();
      let calls = 0;
      loop.addHandler(reader, READ, () => calls++);
      const [log, error] = await chain(loop, () => {
        poke(writer);
        loop.close();
      });
      expect(error).toBeUndefined();
      expect(log).toEqual(["first", "second", "immediate"]);
      expect([loop.running(), loop.closed, calls]).toEqual([false, true, 0]);
    });

    test("what onError throws ends the run right there, and the next run goes on", async () => {
      using loop = testLoop();
      const [log, error] = await chain(loop, () => fail("leaves"));
      expect(error).toMatchObject({ message: "leaves" });
      expect(log).toEqual(["first", "second", "immediate"]);
      expect([loop.running(), loop.closed]).toEqual([false, false]);
      await runHosted(loop, way);
      expect(log).toEqual(["first", "second", "immediate", "third"]);
    });
  });

  test("an error in a later pass rejects the run though each pass before it added work", async () => {
    using loop = testLoop();
    let links = 0;
    const link = (): void => {
      if (++links === 1000) fail("leaves");
      loop.addCallback(link);
    };
    loop.addCallback(link);
    expect(await rejectionOf(runHosted(loop, way))).toMatchObject({ message: "leaves" });
    expect(links).toBe(1000);
  });
});

test.each([...MODES])(
  "in %s, an fd that a callback makes ready is served before the next one of its chain",
  async (mode) => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const log: string[] = [];
    let links = 0;
    loop.addHandler(reader, READ, () => {
      log.push(drain(reader));
    });
    const link = (): void => {
      log.push("link");
      // Every other link does not write, so that turns go on past their first pass.
      if (links % 2 === 1) poke(writer, "served");
      if (++links === 100) loop.stop();
      else loop.addCallback(link);
    };
    loop.addCallback(link);
    await runIn(mode, loop);
    expect(log).toEqual(Array.from({ length: 50 }, () => ["link", "link", "served"]).flat());
  },
);
