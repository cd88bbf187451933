import { describe, expect, test } from "bun:test";
import {
  EDGE,
  ERROR,
  type IOLoop,
  type IOLoopOptions,
  ONESHOT,
  PRI,
  READ,
  WRITE,
} from "../src/index.ts";
import * as io from "../src/io.ts";
import {
  drain,
  Fds,
  fill,
  poke,
  runUntilTrue,
  type TimeoutMode,
  testLoop,
  withTimeoutMode,
} from "./support.ts";
import { kqueue, lacks, PEER_CLOSED } from "./support-backend.ts";
import { HUNG_UP } from "./support-events.ts";
import { isNonBlocking, sendOutOfBand } from "./support-libc.ts";
import { timed } from "./support-system.ts";
import { tcpPair } from "./support-tcp.ts";
import { watch } from "./support-watch.ts";

/** A loop whose waits count in `mode`. */
function loopWaitingIn(mode: TimeoutMode, options?: IOLoopOptions): IOLoop {
  return withTimeoutMode(mode, () => testLoop(options));
}

test("with BUN_IOLOOP_TIMEOUT=ms a wait is rounded up to whole milliseconds", () => {
  using loop = loopWaitingIn("ms");
  // A cold pass can use up its time before it comes to wait; a warm one waits for what is left of it.
  const waits = Array.from({ length: 5 }, () => timed(() => loop.runOnce(0.1)));
  // The kernel waits 1 ms at least; the rest is room for a clock of another grain.
  expect(Math.max(...waits)).toBeGreaterThan(0.9);
});

describe.each(["ns", "ms"] as const)("readiness, with waits in %s:", (unit) => {
  test("nothing is told until the peer writes, then READ", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ);
    expect(loop.runOnce(0)).toBe(0);
    poke(b);
    expect(loop.runOnce(1000)).toBe(1);
    expect(seen).toEqual([READ]);
  });

  test("a level handler is called until everything has been read", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const one = new Uint8Array(1);
    poke(b, "abc");
    let calls = 0;
    loop.addHandler(a, READ, (fd) => {
      calls++;
      io.read(fd, one);
    });
    for (let pass = 0; pass < 6; pass++) loop.runOnce(0);
    expect(calls).toBe(3);
  });

  test("an EDGE handler is called once per arrival, read or not", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ | EDGE);
    for (let arrival = 1; arrival <= 3; arrival++) {
      poke(b);
      loop.runOnce(0);
      loop.runOnce(0);
      expect(seen).toHaveLength(arrival);
    }
  });

  test("an update arms EDGE again, also with the same mask", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ | EDGE);
    poke(b);
    loop.runOnce(0);
    loop.updateHandler(a, READ | EDGE);
    loop.runOnce(0);
    loop.addCallback(() => loop.updateHandler(a, READ | EDGE));
    loop.runOnce(0);
    expect(loop.runOnce(0)).toBe(0);
    expect(seen).toEqual([READ, READ, READ]);
  });

  test("a ONESHOT handler is called once, then again after an update", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ | ONESHOT);
    poke(b);
    loop.runOnce(0);
    poke(b);
    expect(loop.runOnce(0)).toBe(0);
    loop.updateHandler(a, READ | ONESHOT);
    loop.runOnce(0);
    expect(loop.runOnce(0)).toBe(0);
    expect(seen).toEqual([READ, READ]);
  });

  test("a ONESHOT handler may arm itself again", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    poke(b);
    let calls = 0;
    loop.addHandler(a, READ | ONESHOT, (fd) => {
      if (++calls < 3) loop.updateHandler(fd, READ | ONESHOT);
    });
    for (let pass = 0; pass < 6; pass++) loop.runOnce(0);
    expect(calls).toBe(3);
  });

  test("a ONESHOT handler that fired stays silent for a hang-up too, until it becomes level", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ | ONESHOT);
    poke(b);
    loop.runOnce(0);
    fds.close(b);
    expect(loop.runOnce(0)).toBe(0);
    loop.updateHandler(a, READ);
    loop.runOnce(0);
    loop.runOnce(0);
    expect(seen).toEqual([READ, PEER_CLOSED, PEER_CLOSED]);
  });

  test.skipIf(lacks("urgent data"))(
    "out-of-band data is told as PRI, beside ordinary data as READ",
    () => {
      using loop = loopWaitingIn(unit);
      using fds = new Fds();
      const [client, server] = tcpPair(fds);
      const seen = watch(loop, server, PRI);
      poke(client);
      expect(loop.runOnce(20)).toBe(0);
      sendOutOfBand(client);
      runUntilTrue(loop, () => seen.length > 0);
      expect(seen[0]).toBe(PRI);
      loop.updateHandler(server, READ | PRI);
      loop.runOnce(1000);
      expect(seen.at(-1)).toBe(READ | PRI);
    },
  );

  test("a mask of 0 is a pause, and the next mask ends it", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, 0);
    poke(b);
    expect(loop.runOnce(0)).toBe(0);
    loop.updateHandler(a, READ);
    expect(loop.runOnce(0)).toBe(1);
    loop.updateHandler(a, 0);
    fds.close(b);
    expect(loop.runOnce(0)).toBe(0);
    loop.updateHandler(a, READ);
    loop.runOnce(0);
    expect(seen).toEqual([READ, PEER_CLOSED]);
  });

  test.each([
    ["EDGE", EDGE],
    ["ONESHOT", ONESHOT],
    ["EDGE | ONESHOT", EDGE | ONESHOT],
  ])("mode %s without interest is a pause too", (_name, mode) => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, mode);
    fds.close(b);
    expect(loop.runOnce(0)).toBe(0);
    loop.updateHandler(a, READ | mode);
    loop.runOnce(0);
    expect(seen).toEqual([PEER_CLOSED]);
  });

  test("ERROR alone tells a hang-up once, and data never", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, ERROR);
    poke(b);
    expect(loop.runOnce(0)).toBe(0);
    fds.close(b);
    for (let pass = 0; pass < 5; pass++) loop.runOnce(0);
    expect(seen).toEqual([HUNG_UP]);
  });

  test.each([2, 3, 1024])(
    "reading and writing at once is one call with one mask, with maxEvents %i",
    (maxEvents) => {
      using loop = loopWaitingIn(unit, { maxEvents });
      using fds = new Fds();
      const [a, b] = fds.pair();
      const seen = watch(loop, a, READ | WRITE);
      poke(b);
      for (let pass = 1; pass <= 3; pass++) expect(loop.runOnce(0)).toBe(1);
      expect(seen).toEqual([READ | WRITE, READ | WRITE, READ | WRITE]);
    },
  );

  test.skipIf(lacks("a turn for each filter"))(
    "reading and writing at once share the calls with maxEvents 1",
    () => {
      using loop = loopWaitingIn(unit, { maxEvents: 1 });
      using fds = new Fds();
      const [a, b] = fds.pair();
      const seen = watch(loop, a, READ | WRITE);
      poke(b);
      for (let pass = 1; pass <= 4; pass++) expect(loop.runOnce(0)).toBe(1);
      const [one = 0, two = 0, three = 0, four = 0] = seen;
      expect([one | two, three | four]).toEqual([READ | WRITE, READ | WRITE]);
    },
  );

  test("a ONESHOT handler for both directions has one shot, for what is ready first", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ | WRITE | ONESHOT);
    expect(loop.runOnce(0)).toBe(1);
    poke(b);
    expect(loop.runOnce(0)).toBe(0);
    loop.updateHandler(a, READ | WRITE | ONESHOT);
    expect(loop.runOnce(0)).toBe(1);
    expect(loop.runOnce(0)).toBe(0);
    expect(seen).toEqual([WRITE, READ | WRITE]);
  });

  test("an EDGE handler for both directions hears the news of each", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    poke(b);
    const seen = watch(loop, a, READ | WRITE | EDGE);
    loop.runOnce(0);
    expect(loop.runOnce(0)).toBe(0);
    poke(b);
    loop.runOnce(0);
    expect(loop.runOnce(0)).toBe(0);
    fill(a);
    loop.runOnce(0);
    drain(b);
    loop.runOnce(0);
    expect(loop.runOnce(0)).toBe(0);
    const news = [READ | WRITE, READ, WRITE];
    expect(seen.map((events, index) => events & (news[index] ?? 0))).toEqual(news);
    // epoll tells what was ready before as well; each of kqueue's filters speaks for itself.
    if (!kqueue) expect(seen).toEqual([READ | WRITE, READ | WRITE, READ | WRITE]);
  });

  test("a full buffer ends WRITE, and draining the peer brings it back", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    for (const [a, b] of [fds.pair(), [writer, reader] as const]) {
      const seen = watch(loop, a, WRITE);
      loop.runOnce(0);
      expect(seen).toEqual([WRITE]);
      fill(a);
      expect(loop.runOnce(0)).toBe(0);
      drain(b);
      loop.runOnce(0);
      expect(seen).toEqual([WRITE, WRITE]);
      loop.removeHandler(a);
    }
  });

  test("an fd in two loops is told to each", () => {
    using one = loopWaitingIn(unit);
    using two = loopWaitingIn(unit);
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seenByOne = watch(one, a, READ);
    const seenByTwo = watch(two, a, READ | WRITE);
    poke(b);
    one.runOnce(0);
    two.runOnce(0);
    one.removeHandler(a);
    one.runOnce(0);
    two.runOnce(0);
    expect(seenByOne).toEqual([READ]);
    expect(seenByTwo).toEqual([READ | WRITE, READ | WRITE]);
  });

  test("the blocking mode of an fd is left alone", () => {
    using loop = loopWaitingIn(unit);
    using fds = new Fds();
    const [blocking, peer] = fds.pair();
    const [nonBlocking] = fds.pair();
    io.setNonBlocking(blocking, false);
    for (const fd of [blocking, nonBlocking]) watch(loop, fd, READ);
    poke(peer);
    loop.runOnce(0);
    for (const fd of [blocking, nonBlocking]) {
      loop.updateHandler(fd, WRITE);
      loop.removeHandler(fd);
    }
    expect(isNonBlocking(blocking)).toBe(false);
    expect(isNonBlocking(nonBlocking)).toBe(true);
  });
});
