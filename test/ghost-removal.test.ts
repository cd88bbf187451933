import { describe, expect, test } from "bun:test";
import { EDGE, ERROR, ONESHOT, READ, WRITE } from "../src/index.ts";
import { drain, Fds, poke, testLoop } from "./support.ts";
import { forgetsClosed, lacks } from "./support-backend.ts";
import { expectSleep, makeGhost, PASSES } from "./support-ghosts.ts";
import { watch } from "./support-watch.ts";

describe.skipIf(lacks("sight of a close"))("while a ghost is driven out,", () => {
  test("handlers with something to do go on, whatever their mode", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [level, levelPeer] = fds.pair();
    const [edge, edgePeer] = fds.pair();
    const [oneShot, oneShotPeer] = fds.pair();
    const texts: string[] = [];
    for (const [fd, mask] of [
      [level, READ],
      [edge, READ | EDGE],
      [oneShot, READ | ONESHOT],
    ] as const) {
      loop.addHandler(fd, mask, () => {
        // The queue made anew may report an edge again: readiness can be false.
        const text = drain(fd);
        if (text !== "") texts.push(text);
      });
    }
    makeGhost(loop, fds);
    for (let pass = 0; pass < PASSES; pass++) {
      poke(levelPeer, "level");
      poke(edgePeer, "edge");
      loop.runOnce(0);
    }
    poke(oneShotPeer, "oneshot");
    loop.runOnce(0);
    poke(oneShotPeer, "silent");
    loop.runOnce(0);
    const count = (text: string): number => texts.filter((one) => one === text).length;
    expect(count("level")).toBe(PASSES);
    expect(count("edge")).toBe(PASSES);
    expect(count("oneshot")).toBe(1);
    expect(texts).toHaveLength(2 * PASSES + 1);
    expectSleep(loop);
  });

  test("a ONESHOT that has fired stays silent, until it is armed again", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const seen = watch(loop, a, WRITE | ONESHOT);
    loop.runOnce(0);
    makeGhost(loop, fds);
    expectSleep(loop);
    expect(seen).toEqual([WRITE]);
    loop.updateHandler(a, WRITE | ONESHOT);
    loop.runOnce(0);
    expect(loop.runOnce(0)).toBe(0);
    expect(seen).toEqual([WRITE, WRITE]);
    expect(loop.removeHandler(a)).toBe(true);
  });

  test("what EDGE and ERROR alone have told can come once more, and then no more", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [edge, edgePeer] = fds.pair();
    const [hungUp, gone] = fds.pair();
    const seen = [watch(loop, edge, READ | EDGE), watch(loop, hungUp, ERROR)];
    poke(edgePeer);
    fds.close(gone);
    loop.runOnce(0);
    for (const one of seen) expect(one).toHaveLength(1);
    makeGhost(loop, fds);
    for (let pass = 0; pass < PASSES; pass++) loop.runOnce(0);
    for (const one of seen) expect(one.length).toBeWithin(1, 3);
    const told = seen.flat().length;
    expectSleep(loop);
    expect(seen.flat()).toHaveLength(told);
  });

  test("a paused handler stays paused, until it gets a mask", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const seen = watch(loop, a, WRITE);
    loop.updateHandler(a, 0);
    makeGhost(loop, fds);
    expectSleep(loop);
    expect(seen).toEqual([]);
    loop.updateHandler(a, WRITE);
    loop.runOnce(0);
    expect(seen).toEqual([WRITE]);
  });

  test("changes of the same batch are kept", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const masks: number[] = [];
    let next = 0;
    loop.addHandler(a, READ | WRITE, (fd, events) => {
      masks.push(events);
      loop.updateHandler(fd, ++next % 2 === 0 ? READ | WRITE : WRITE);
    });
    makeGhost(loop, fds);
    for (let pass = 0; pass < PASSES; pass++) loop.runOnce(0);
    expect(masks).toEqual(new Array(PASSES).fill(WRITE));
    loop.updateHandler(a, READ);
    expectSleep(loop);
  });

  test("the loop's fd keeps its number, and an outer loop goes on hearing it", () => {
    using outer = testLoop();
    using inner = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(inner, a, READ | ONESHOT);
    const { fd } = inner;
    outer.addHandler(inner, READ, () => inner.runOnce(0));
    makeGhost(inner, fds);
    expectSleep(outer);
    expect(inner.fd).toBe(fd);
    poke(b);
    outer.runOnce(0);
    expect(outer.runOnce(0)).toBe(0);
    expect(seen).toEqual([READ]);
    expect(outer.removeHandler(inner)).toBe(true);
  });

  test.skipIf(forgetsClosed)(
    "handlers whose fds were closed are reported and removed, each of them",
    () => {
      const refused: (number | undefined)[] = [];
      using loop = testLoop({
        onError(error, { source, fd }) {
          expect(source).toBe("update");
          refused.push(fd);
          throw error;
        },
      });
      using fds = new Fds();
      const [live] = fds.pair();
      const closed = [fds.pair()[0], fds.pair()[0]];
      for (const fd of closed) watch(loop, fd, READ);
      makeGhost(loop, fds);
      for (const fd of closed) fds.close(fd);
      const thrown: unknown[] = [];
      for (let pass = 0; pass < 2 * PASSES; pass++) {
        try {
          loop.runOnce(0);
        } catch (error) {
          thrown.push(error);
        }
      }
      expect(refused.toSorted()).toEqual(closed.toSorted());
      expect(thrown).toHaveLength(2);
      expect(thrown[0]).toMatchObject({ code: "EBADF" });
      for (const fd of closed) expect(loop.removeHandler(fd)).toBe(false);
      const seen = watch(loop, live, WRITE);
      loop.runOnce(0);
      expect(seen).toEqual([WRITE]);
    },
  );
});
