import { describe, expect, test } from "bun:test";
import { type IOLoop, READ, WRITE } from "../src/index.ts";
import { Fds, ignore, poke, testLoop } from "./support.ts";
import { HOUR_MS } from "./support-clock.ts";
import { ASLEEP_MS, runHosted, serve, WAYS } from "./support-hosted.ts";
import { addCall } from "./support-sources.ts";
import { NO_WAIT_MS } from "./support-system.ts";

/** Where in a program of Bun's the loop is given something: each calls `visit` there, while the loop sleeps. */
const PLACES: Readonly<Record<string, (visit: () => void) => Promise<unknown>>> = {
  "Bun's setTimeout": (visit) =>
    new Promise<void>((resolve) => {
      setTimeout(() => {
        visit();
        resolve();
      }, ASLEEP_MS);
    }),
  "Bun's setImmediate": async (visit) => {
    await Bun.sleep(ASLEEP_MS);
    setImmediate(visit);
  },
  "code after a fetch": async (visit) => {
    using server = serve();
    await Bun.sleep(ASLEEP_MS);
    const answer = await fetch(server.url);
    visit();
    expect(await answer.text()).toBe("answer");
  },
  "a Bun.serve handler": async (visit) => {
    using server = serve(() => {
      visit();
      return new Response("answer");
    });
    await Bun.sleep(ASLEEP_MS);
    const answer = await fetch(server.url);
    expect(await answer.text()).toBe("answer");
  },
  "a microtask of Bun's turn": async (visit) => {
    await Bun.sleep(ASLEEP_MS);
    queueMicrotask(visit);
  },
};

/** What a program can give it: prepares it before the run, and returns what is done there. */
const GIFTS: Readonly<Record<string, (loop: IOLoop, fds: Fds, call: () => void) => () => void>> = {
  addCallback: (loop, _fds, call) => () => loop.addCallback(call),
  callLater: (loop, _fds, call) => () => loop.callLater(0.3, call),
  callAt: (loop, _fds, call) => () => loop.callAt(0, call),
  addTimeout: (loop, _fds, call) => () => loop.addTimeout(Date.now() + 2, call),
  setInterval: (loop, fds, call) => () => addCall(loop, fds, "interval", call),
  addHandler: (loop, fds, call) => () => addCall(loop, fds, "handler", call),
  "updateHandler from a pause": (loop, fds, call) => {
    const [fd] = fds.pair();
    loop.addHandler(fd, 0, () => {
      loop.removeHandler(fd);
      call();
    });
    return () => loop.updateHandler(fd, WRITE);
  },
  "updateHandler from another mask": (loop, fds, call) => {
    const [fd] = fds.pair();
    loop.addHandler(fd, READ, () => {
      loop.removeHandler(fd);
      call();
    });
    return () => loop.updateHandler(fd, READ | WRITE);
  },
  "removeHandler and addHandler": (loop, fds, call) => {
    const [fd] = fds.pair();
    loop.addHandler(fd, READ, ignore);
    return () => {
      loop.removeHandler(fd);
      loop.addHandler(fd, WRITE, () => {
        loop.removeHandler(fd);
        call();
      });
    };
  },
  stop: (loop, _fds, call) => () => {
    loop.addCallback(call);
    loop.stop();
  },
};

describe.each(WAYS)("a sleeping hosted loop, %s,", (_name, way) => {
  for (const [place, visitFrom] of Object.entries(PLACES)) {
    test.each(Object.keys(GIFTS))(`takes %s from ${place} at once`, async (gift) => {
      using loop = testLoop();
      using fds = new Fds();
      loop.callLater(HOUR_MS, ignore);
      let givenAt = 0;
      let calledAt = 0;
      const give = GIFTS[gift]?.(loop, fds, () => {
        calledAt = loop.time();
        loop.stop();
      });
      const ended = runHosted(loop, way);
      await visitFrom(() => {
        givenAt = loop.time();
        give?.();
        // Not within the call that gave it.
        expect(calledAt).toBe(0);
      });
      await ended;
      expect(calledAt).toBeGreaterThanOrEqual(givenAt);
      expect(calledAt - givenAt).toBeLessThan(NO_WAIT_MS);
    });
  }

  test("forgets at once what Bun's callbacks remove", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const [paused, peer] = fds.pair();
    let calls = 0;
    const count = (): void => {
      calls++;
    };
    loop.addHandler(reader, READ, count);
    loop.addHandler(paused, READ, count);
    const timeout = loop.callLater(2 * ASLEEP_MS, count);
    const interval = loop.setInterval(2 * ASLEEP_MS, count);
    const ended = runHosted(loop, way);
    // Where the machine is late, what is due has run.
    await new Promise((resolve) => setTimeout(resolve, 1));
    const before = calls;
    expect(loop.removeHandler(reader)).toBeTrue();
    loop.updateHandler(paused, 0);
    loop.removeTimeout(timeout);
    loop.clearInterval(interval);
    poke(writer);
    poke(peer);
    await Bun.sleep(4 * ASLEEP_MS);
    loop.stop();
    await ended;
    expect(calls).toBe(before);
  });
});
