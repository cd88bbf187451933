import { describe, expect, spyOn, test } from "bun:test";
import { EDGE, ONESHOT, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { Poller } from "../src/poller.ts";
import { drain, Fds, fill, poke, testLoop } from "./support.ts";
import { expectFree, expectNothingDue, settle } from "./support-awaiting.ts";
import { HUNG_UP } from "./support-events.ts";
import { MODES, runIn } from "./support-modes.ts";

describe.each([...MODES])("in %s", (mode) => {
  test("for await is told the events as a handler would be, until the end of the file", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const seen: number[] = [];
    let text = "";
    const words = ["one ", "two ", "three"];
    const writeNext = (): void => {
      const word = words.shift();
      if (word === undefined) fds.close(writer);
      else poke(writer, word);
    };
    loop.callLater(1, writeNext);
    await settle(mode, loop, async () => {
      const buffer = new Uint8Array(16);
      for await (const events of loop.events(reader, READ)) {
        seen.push(events);
        const count = io.read(reader, buffer);
        if (count === 0) break;
        text += new TextDecoder().decode(buffer.subarray(0, count));
        loop.callLater(1, writeNext);
      }
      expectFree(loop, reader);
    });
    expect(text).toBe("one two three");
    expect(seen).toEqual([READ, READ, READ, READ | HUNG_UP]);
    expectNothingDue(loop);
  });

  test("it is told again as long as the fd is ready, and WRITE beside READ", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    poke(b);
    const seen: number[] = [];
    await settle(mode, loop, async () => {
      for await (const events of loop.events(a, READ | WRITE)) {
        seen.push(events);
        if (seen.length === 2) drain(a);
        if (seen.length === 4) break;
      }
    });
    expect(seen).toEqual([READ | WRITE, READ | WRITE, WRITE, WRITE]);
  });

  test("while a slow consumer is busy, an fd that is ready does not keep the loop awake", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    let rounds = 0;
    const waits = spyOn(Poller.prototype, "wait");
    try {
      await settle(mode, loop, async () => {
        for await (const events of loop.events(reader, READ)) {
          expect(events).toBe(READ);
          if (++rounds === 3) break;
          await loop.sleep(30);
        }
      });
      expect(rounds).toBe(3);
      // Each round takes a few waits, over libkqueue one each millisecond; a loop that spins would make
      // thousands of them in 60 ms.
      expect(waits.mock.calls.length).toBeLessThan(300);
    } finally {
      waits.mockRestore();
    }
  });

  test("a consumer that asks at once is told in each iteration", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [, writer] = fds.pipe();
    let rounds = 0;
    await settle(mode, loop, async () => {
      for await (const events of loop.events(writer, WRITE)) {
        expect(events).toBe(WRITE);
        if (++rounds === 1000) break;
      }
    });
    expect(rounds).toBe(1000);
  });

  test("with EDGE nothing is lost that comes while the consumer is busy", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    let text = "";
    let seen = 0;
    const words = Array.from({ length: 20 }, (_, index) => String.fromCharCode(97 + index));
    await settle(mode, loop, async () => {
      poke(writer, words.shift());
      for await (const events of loop.events(reader, READ | EDGE)) {
        expect(events).toBe(READ);
        seen++;
        text += drain(reader);
        const next = words.shift();
        if (next === undefined) break;
        // It arrives, and is told, before anybody asks for it.
        loop.callLater(0, () => poke(writer, next));
        await loop.sleep(1);
      }
      expectFree(loop, reader);
    });
    expect(text).toBe("abcdefghijklmnopqrst");
    expect(seen).toBe(20);
  });

  test("with EDGE what is left unread is not told again", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer, "ab");
    await settle(mode, loop, async () => {
      const stream = loop.events(reader, READ | EDGE);
      expect(await stream.next()).toEqual({ done: false, value: READ });
      let again = 0;
      const asked = stream.next().then((next) => {
        again++;
        return next;
      });
      await loop.sleep(2);
      expect(again).toBe(0);
      poke(writer, "c");
      expect(await asked).toEqual({ done: false, value: READ });
      await stream.return?.();
    });
  });

  test("ONESHOT is armed again by asking, and tells nothing meanwhile", async () => {
    using loop = testLoop();
    using fds = new Fds();
    for (const mask of [READ | ONESHOT, READ | ONESHOT | EDGE]) {
      const [reader, writer] = fds.pipe();
      poke(writer);
      const seen: number[] = [];
      await settle(mode, loop, async () => {
        for await (const events of loop.events(reader, mask)) {
          seen.push(events);
          if (seen.length === 5) break;
          if (seen.length % 2 === 0) await loop.sleep(1);
        }
        expectFree(loop, reader);
      });
      expect(seen).toEqual([READ, READ, READ, READ, READ]);
    }
  });

  test("many streams and waits go on beside one another", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const pairs = Array.from({ length: 50 }, () => fds.pair());
    const echo = async (fd: number): Promise<void> => {
      for await (const _ of loop.events(fd, READ)) {
        const text = drain(fd);
        if (text === "end") return;
        poke(fd, text);
      }
    };
    const play = async (fd: number): Promise<number> => {
      for (let round = 0; round < 20; round++) {
        poke(fd, `round ${round}`);
        await loop.readable(fd);
        expect(drain(fd)).toBe(`round ${round}`);
      }
      return io.write(fd, new TextEncoder().encode("end"));
    };
    await settle(mode, loop, () => Promise.all(pairs.flatMap(([a, b]) => [echo(a), play(b)])));
    for (const fd of pairs.flat()) expectFree(loop, fd);
    expectNothingDue(loop);
  });

  test("a stream that was opened and asked before the run is told in it", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const asked = loop.events(reader, READ).next();
    asked.then(() => loop.stop());
    poke(writer);
    await runIn(mode, loop);
    expect(await asked).toEqual({ done: false, value: READ });
  });

  test("next() twice without waiting is answered by two events, in order", async () => {
    using loop = testLoop();
    using fds = new Fds();
    for (const kind of [0, ONESHOT]) {
      const [a, b] = fds.pair();
      fill(a);
      await settle(mode, loop, async () => {
        const stream = loop.events(a, READ | WRITE | kind);
        const order: string[] = [];
        const first = stream.next().finally(() => order.push("first"));
        const second = stream.next().finally(() => order.push("second"));
        poke(b);
        expect(await first).toEqual({ done: false, value: READ });
        drain(a);
        drain(b);
        expect(await second).toEqual({ done: false, value: WRITE });
        expect(order).toEqual(["first", "second"]);
        await stream.return?.();
        expectFree(loop, a);
      });
    }
  });
});

test("from outside a turn of a hosted loop a stream can be consumed as from inside", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const running = runIn("run()", loop);
  const timer = setInterval(() => poke(writer), 2);
  let rounds = 0;
  for await (const events of loop.events(reader, READ)) {
    expect(events).toBe(READ);
    drain(reader);
    if (++rounds === 5) break;
    // Where Bun's own timers call, no turn is under way.
    await Bun.sleep(1);
  }
  clearInterval(timer);
  expect(rounds).toBe(5);
  expectFree(loop, reader);
  loop.stop();
  await running;
});

test("a stream that nobody asks is not watched, with EDGE alone it is", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [level, once, edge] = [fds.pipe(), fds.pipe(), fds.pipe()];
  for (const [, writer] of [level, once, edge]) poke(writer);
  loop.events(level[0], READ);
  loop.events(once[0], READ | ONESHOT);
  expect(loop.runOnce(0)).toBe(0);
  loop.events(edge[0], READ | EDGE);
  expect(loop.runOnce(0)).toBe(1);
});

test("events of EDGE that came meanwhile are told as one", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a, b] = fds.pair();
  fill(a);
  const stream = loop.events(a, READ | WRITE | EDGE);
  // The registration itself may be told; what counts is what comes after.
  loop.runOnce(0);
  poke(b);
  loop.runOnce(0);
  drain(b);
  loop.runOnce(0);
  expect(await stream.next()).toEqual({ done: false, value: READ | WRITE });
  let more = false;
  const asked = stream.next().finally(() => {
    more = true;
  });
  loop.runOnce(0);
  expect(more).toBeFalse();
  await stream.return?.();
  expect((await asked).done).toBeTrue();
});
