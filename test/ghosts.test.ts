import { describe, expect, test } from "bun:test";
import { type CallContext, EDGE, type IOLoop, ONESHOT, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { Fds, fill, poke, testLoop, thrownBy } from "./support.ts";
import { forgetsClosed, lacks } from "./support-backend.ts";
import { expectSleep, makeGhost, PASSES } from "./support-ghosts.ts";
import { dup, dup2 } from "./support-libc.ts";
import { watch } from "./support-watch.ts";

const blind = lacks("sight of a close");
const ghostTest = test.skipIf(blind);

describe("a closed fd whose open file lives on", () => {
  test("is told to nobody after the removal", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ);
    fds.keep(dup(a));
    fds.close(a);
    loop.removeHandler(a);
    poke(b);
    for (let pass = 0; pass < PASSES; pass++) expect(loop.runOnce(0)).toBe(0);
    expect(seen).toEqual([]);
  });

  ghostTest.each<[string, (loop: IOLoop, fd: number) => void]>([
    ["was closed and removed within a batch", (loop, fd) => loop.removeHandler(fd)],
    ["is paused in its own handler after the close", (loop, fd) => loop.updateHandler(fd, 0)],
  ])("and that %s does not make the loop spin", (_name, silence) => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    fds.keep(dup(a));
    loop.addHandler(a, WRITE, (fd) => {
      fds.close(fd);
      silence(loop, fd);
    });
    loop.runOnce(0);
    expectSleep(loop);
  });

  ghostTest("and that is paused after the close does not make the loop spin", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    watch(loop, a, WRITE);
    fds.keep(dup(a));
    fds.close(a);
    loop.updateHandler(a, 0);
    expectSleep(loop);
    expect(loop.removeHandler(a)).toBe(true);
  });

  ghostTest("does not reach the handler of a new file under its number", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [quiet, peer] = fds.pair();
    const ghost = makeGhost(loop, fds);
    fds.keep(dup2(quiet, ghost));
    const seen = watch(loop, ghost, READ);
    expectSleep(loop);
    poke(peer);
    loop.runOnce(0);
    expect(seen).toEqual([READ]);
  });

  test.skipIf(forgetsClosed || blind)(
    "and that nobody removed loses its handler, once reading it fails",
    () => {
      const reports: CallContext[] = [];
      using loop = testLoop({ onError: (_error, context) => reports.push(context) });
      using fds = new Fds();
      const [a] = fds.pair();
      fds.keep(dup(a));
      loop.addHandler(a, READ | WRITE, (fd) => io.read(fd, new Uint8Array(1)));
      fds.close(a);
      expectSleep(loop);
      expect(reports).toEqual([{ source: "handler", fd: a }]);
      expect(loop.removeHandler(a)).toBe(false);
    },
  );
});

ghostTest("an open file that lost its number to another one is a ghost as well", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const [full] = fds.pair();
  fill(full);
  const seen = watch(loop, reader, READ);
  poke(writer);
  fds.keep(dup(reader));
  dup2(full, reader);
  // The number now names a socket that cannot be written, and its old file is still readable.
  loop.updateHandler(reader, WRITE);
  expectSleep(loop);
  expect(seen).toEqual([]);
});

test("a ONESHOT that was armed anew while a batch was broken off outlives the end of a ghost", () => {
  using loop = testLoop();
  using fds = new Fds();
  makeGhost(loop, fds);
  // The first sighting: the second, in the batch that breaks off, ends the ghost before the next wait.
  loop.runOnce(0);
  const [thrower] = fds.pair();
  const [a, b] = fds.pair();
  loop.addHandler(thrower, WRITE, () => {
    loop.removeHandler(thrower);
    throw new Error("thrown");
  });
  const seen = watch(loop, a, READ | ONESHOT);
  poke(b);
  expect(thrownBy(() => loop.runOnce(0))).toMatchObject({ message: "thrown" });
  loop.updateHandler(a, WRITE | ONESHOT);
  for (let pass = 0; pass < 2 * PASSES; pass++) loop.runOnce(0);
  expect(seen).toEqual([WRITE]);
});

test("what is removed within a batch is no ghost: an EDGE handler is not told anew", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const seen = watch(loop, a, WRITE | EDGE);
  for (let round = 0; round < 2 * PASSES; round++) {
    const both = fds.pair();
    for (const fd of both) {
      loop.addHandler(fd, WRITE, () => {
        for (const removed of both) loop.removeHandler(removed);
      });
    }
    loop.runOnce(0);
  }
  expect(seen).toEqual([WRITE]);
});

ghostTest("a duplicate that takes the closed number back finds its handler in place", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [a, b] = fds.pair();
  const seen = watch(loop, a, READ);
  const keeper = fds.keep(dup(a));
  fds.close(a);
  loop.removeHandler(a);
  fds.keep(dup2(keeper, a));
  const again = watch(loop, a, READ);
  expect(thrownBy(() => watch(loop, a, READ))).toMatchObject({ code: "EEXIST" });
  poke(b);
  expect(loop.runOnce(0)).toBe(1);
  expect(seen).toEqual([]);
  expect(again).toEqual([READ]);
});
