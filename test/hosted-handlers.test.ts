import { describe, expect, test } from "bun:test";
import {
  type CallContext,
  EDGE,
  type IOLoop,
  IOLoopError,
  ONESHOT,
  READ,
  WRITE,
} from "../src/index.ts";
import * as io from "../src/io.ts";
import { drain, Fds, ignore, poke, testLoop } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { makeGhost } from "./support-ghosts.ts";
import { ASLEEP_MS, addReady, canSleep, runHosted, WAYS } from "./support-hosted.ts";
import { pseudoRandom } from "./support-random.ts";
import { watch } from "./support-watch.ts";

const ghostTest = test.skipIf(lacks("sight of a close") || !canSleep);

/** Ways to come back to Bun's loop at another point of its turn. */
const PAUSES: readonly (() => Promise<unknown>)[] = [
  () => Promise.resolve(),
  () => new Promise((resolve) => setImmediate(resolve)),
  () => Bun.sleep(0),
  () => Bun.sleep(1),
  () => new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve))),
];

/** Processor time that this process uses meanwhile, in milliseconds. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe.each(WAYS)("in a hosted loop, %s,", (_name, way) => {
  test("no event is lost, at whatever moment of Bun's turn it comes", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const random = pseudoRandom(11);
    const pipes = Array.from({ length: 50 }, () => fds.pipe());
    const log: number[] = [];
    let heard: () => void = ignore;
    for (const [index, [reader]] of pipes.entries()) {
      loop.addHandler(reader, READ, () => {
        drain(reader);
        log.push(index);
        heard();
      });
    }
    const ended = runHosted(loop, way);
    const poked: number[] = [];
    try {
      for (let round = 0; round < 400 && loop.running(); round++) {
        await PAUSES[random(PAUSES.length)]?.();
        const index = random(pipes.length);
        poked.push(index);
        await new Promise<void>((resolve) => {
          heard = resolve;
          // What would wait for ever ends with the guard.
          ended.then(resolve, resolve);
          poke(pipes[index]?.[1] ?? -1);
        });
      }
    } finally {
      loop.stop();
    }
    await ended;
    expect(poked).toHaveLength(400);
    expect(log).toEqual(poked);
  });

  test("two loops that only answer each other go on", async () => {
    using ping = testLoop();
    using pong = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    let rounds = 0;
    ping.addHandler(a, READ, () => {
      drain(a);
      if (++rounds < 500) return poke(a);
      ping.stop();
      pong.stop();
    });
    pong.addHandler(b, READ, () => {
      drain(b);
      poke(b);
    });
    poke(a);
    await Promise.all([runHosted(ping, way), runHosted(pong, way)]);
    expect(rounds).toBe(500);
  });

  test("what another process writes is heard in a sleep", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const heard: string[] = [];
    loop.addHandler(reader, READ, () => {
      heard.push(drain(reader).trim());
      if (heard.length === 3) loop.stop();
    });
    const script = "for word in a b c; do sleep 0.03; echo $word; done";
    const writes = Bun.spawn(["sh", "-c", script], { stdout: writer, timeout: 5000 });
    await runHosted(loop, way);
    expect(heard).toEqual(["a", "b", "c"]);
    await writes.exited;
  });

  test("a level-triggered handler is called until it has read, EDGE once for each arrival", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [level, levelWriter] = fds.pair();
    const [edge, edgeWriter] = fds.pair();
    const calls = { level: 0, edge: 0 };
    loop.addHandler(level, READ, () => {
      if (++calls.level % 5 === 0) drain(level);
    });
    loop.addHandler(edge, READ | EDGE, () => calls.edge++);
    const ended = runHosted(loop, way);
    for (let round = 1; round <= 3; round++) {
      poke(levelWriter);
      poke(edgeWriter);
      await Bun.sleep(ASLEEP_MS);
      while (loop.running() && calls.level + calls.edge < round * 6) await Bun.sleep(1);
    }
    await Bun.sleep(ASLEEP_MS);
    loop.stop();
    await ended;
    expect(calls).toEqual({ level: 15, edge: 3 });
  });

  test("a ONESHOT handler is called once each time it is armed, from a handler or from Bun", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    const calls: string[] = [];
    let armedBy = "addHandler";
    loop.addHandler(reader, READ | ONESHOT, () => {
      calls.push(armedBy);
      if (armedBy === "Bun") {
        armedBy = "handler";
        loop.updateHandler(reader, READ | ONESHOT);
      }
    });
    const ended = runHosted(loop, way);
    await Bun.sleep(ASLEEP_MS);
    setTimeout(() => {
      armedBy = "Bun";
      loop.updateHandler(reader, READ | ONESHOT);
    });
    while (loop.running() && calls.length < 3) await Bun.sleep(1);
    await Bun.sleep(ASLEEP_MS);
    loop.stop();
    await ended;
    expect(calls).toEqual(["addHandler", "Bun", "handler"]);
  });

  test("what a handler removes of its own batch is not called any more", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const called: number[] = [];
    const ready = addReady(loop, fds, 10, (_index, fd) => {
      called.push(fd);
      for (const other of ready) loop.removeHandler(other);
      loop.callLater(5, () => loop.stop());
    });
    await runHosted(loop, way);
    expect(called).toHaveLength(1);
  });

  test("what Bun removes between two batches is not called any more", async () => {
    using loop = testLoop({ maxEvents: 5 });
    using fds = new Fds();
    let calls = 0;
    let callsBefore = -1;
    const ready = addReady(loop, fds, 10, () => {
      if (++calls > 1) return;
      setImmediate(() => {
        callsBefore = calls;
        for (const fd of ready) expect(loop.removeHandler(fd)).toBeTrue();
        loop.callLater(5, () => loop.stop());
      });
    });
    await runHosted(loop, way);
    expect(callsBefore).toBeGreaterThanOrEqual(5);
    expect(calls).toBe(callsBefore);
  });

  test("a late update that the kernel refuses goes to onError, and its handler is removed", async () => {
    const reports: [unknown, CallContext][] = [];
    using loop = testLoop({ onError: (error, context) => reports.push([error, context]) });
    using fds = new Fds();
    const [first, second] = [fds.pair()[0], fds.pair()[0]];
    const [good, peer] = fds.pair();
    for (const fd of [first, second]) loop.addHandler(fd, READ, ignore);
    // In a callback it is refused before the wait of this turn, in a handler after it.
    loop.addCallback(() => {
      fds.close(first);
      expect(loop.updateHandler(first, WRITE)).toBeTrue();
    });
    loop.addHandler(good, READ, () => {
      drain(good);
      fds.close(second);
      expect(loop.updateHandler(second, WRITE)).toBeTrue();
      loop.callLater(5, () => loop.stop());
    });
    poke(peer);
    await runHosted(loop, way);
    expect(reports.map(([, context]) => context)).toEqual([
      { source: "update", fd: first },
      { source: "update", fd: second },
    ]);
    for (const [error] of reports) expect(error).toBeInstanceOf(IOLoopError);
    expect([first, second, good].map((fd) => loop.removeHandler(fd))).toEqual([false, false, true]);
  });

  test("an update outside a turn is refused at the call", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const ended = runHosted(loop, way);
    await Bun.sleep(ASLEEP_MS);
    expect(() => loop.updateHandler(fds.pair()[0], READ)).toThrow("ENOENT");
    const [closed] = fds.pair();
    fds.close(closed);
    expect(() => loop.addHandler(closed, READ, ignore)).toThrow("EBADF");
    loop.stop();
    await ended;
  });

  /** Runs the loop with ghosts made by `haunt`; fails when it does not sleep, or forgets its living handlers. */
  async function expectDrivenOut(haunt: (loop: IOLoop, fds: Fds) => void): Promise<void> {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const [edge] = fds.pair();
    let calls = 0;
    loop.addHandler(reader, READ, () => {
      drain(reader);
      calls++;
    });
    const quiet = watch(loop, edge, READ | EDGE);
    const ended = runHosted(loop, way);
    try {
      for (let round = 1; round <= 3; round++) {
        haunt(loop, fds);
        await Bun.sleep(ASLEEP_MS);
        // A loop that spins would use all of the time.
        expect(await cpuOf(() => Bun.sleep(200))).toBeLessThan(120);
        poke(writer);
        const limit = loop.time() + 2000;
        while (calls < round && loop.time() < limit) await Bun.sleep(1);
        expect(calls).toBe(round);
      }
    } finally {
      loop.stop();
    }
    await ended;
    expect(quiet).toEqual([]);
  }

  ghostTest("ghosts are driven out of a sleeping loop, and its living handlers stay", async () => {
    await expectDrivenOut((loop, fds) => {
      for (let count = 0; count < 3; count++) makeGhost(loop, fds);
    });
  });

  ghostTest("ghosts that a turn leaves behind are driven out as well", async () => {
    await expectDrivenOut((loop, fds) => {
      loop.addCallback(() => {
        makeGhost(loop, fds);
        makeGhost(loop, fds);
      });
    });
  });

  test("a whole TCP conversation goes on", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const listener = fds.keep(io.listen({ hostname: "127.0.0.1" }));
    const client = fds.keep(io.connect({ hostname: "127.0.0.1", port: io.localPort(listener) }));
    const said: string[] = [];
    loop.addHandler(listener, READ, () => {
      const accepted = io.accept(listener);
      if (accepted === io.WOULD_BLOCK) return;
      const server = fds.keep(accepted);
      loop.addHandler(server, READ, () => poke(server, drain(server).toUpperCase()));
    });
    loop.addHandler(client, WRITE, (_fd, events) => {
      if ((events & WRITE) !== 0) {
        expect(io.socketError(client)).toBe(0);
        loop.updateHandler(client, READ);
        return poke(client, "hello");
      }
      said.push(drain(client));
      if (said.length === 3) loop.stop();
      else poke(client, `again ${said.length}`);
    });
    await runHosted(loop, way);
    expect(said).toEqual(["HELLO", "AGAIN 1", "AGAIN 2"]);
  });
});
