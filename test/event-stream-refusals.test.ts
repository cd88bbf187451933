import { describe, expect, test } from "bun:test";
import { openSync } from "node:fs";
import { type IOLoop, READ, WRITE } from "../src/index.ts";
import { Fds, ignore, poke, run, testLoop, thrownBy, untyped } from "./support.ts";
import { expectFree, reasonOf } from "./support-awaiting.ts";
import { expectIOLoopError } from "./support-system.ts";

describe("a stream is refused at the call", () => {
  const attempts: [string, string, (loop: IOLoop, fds: Fds) => unknown][] = [
    [
      "EEXIST",
      "where the fd has a handler",
      (loop, fds) => {
        const [a] = fds.pair();
        loop.addHandler(a, READ, ignore);
        loop.events(a, READ);
      },
    ],
    [
      "EEXIST",
      "where the fd has a stream",
      (loop, fds) => {
        const [a] = fds.pair();
        loop.events(a, READ);
        loop.events({ fd: a }, WRITE);
      },
    ],
    ["EBADF", "for what is no open fd", (loop) => loop.events(-1, READ)],
    [
      "ERR_LOOP_CLOSED",
      "by a closed loop",
      (loop, fds) => {
        loop.close();
        loop.events(fds.pipe()[0], READ);
      },
    ],
  ];

  test.each(attempts)("with %s %s", (code, _, attempt) => {
    using loop = testLoop();
    using fds = new Fds();
    expectIOLoopError(
      thrownBy(() => attempt(loop, fds)),
      code,
    );
  });

  test("with EPERM for a regular file", () => {
    using loop = testLoop();
    using fds = new Fds();
    const file = fds.keep(openSync(import.meta.path, "r"));
    if (loop.backend === "kqueue") return;
    expectIOLoopError(
      thrownBy(() => loop.events(file, READ)),
      "EPERM",
    );
  });

  test("for arguments of the wrong type or value", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    expect(() => loop.events(untyped("1"), READ)).toThrow(TypeError);
    expect(() => loop.events(a, untyped("READ"))).toThrow(TypeError);
    expect(() => loop.events(a, 0x400)).toThrow(RangeError);
    for (const options of [null, 5, { signal: {} }]) {
      expect(() => loop.events(a, READ, untyped(options))).toThrow(TypeError);
    }
    expectFree(loop, a);
  });
});

test("a wait on the fd of a stream rejects EEXIST, and the stream goes on", async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const stream = loop.events(reader, READ);
  expectIOLoopError(await reasonOf(loop.readable(reader)), "EEXIST");
  expectIOLoopError(await reasonOf(loop.writable(reader)), "EEXIST");
  const asked = stream.next();
  asked.then(() => loop.stop());
  poke(writer);
  run(loop);
  expect(await asked).toEqual({ done: false, value: READ });
});
