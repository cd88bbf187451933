import { describe, expect, test } from "bun:test";
import { READ } from "../src/index.ts";
import { Fds, poke, testLoop } from "./support.ts";
import { busy } from "./support-clock.ts";

/** Ways of having `call` made twice in one pass of one step. */
const sources = {
  callback(loop: ReturnType<typeof testLoop>, _: Fds, call: () => unknown) {
    loop.addCallback(call).addCallback(call);
  },
  timeout(loop: ReturnType<typeof testLoop>, _: Fds, call: () => unknown) {
    loop.callLater(0, call);
    loop.callLater(0, call);
  },
  interval(loop: ReturnType<typeof testLoop>, _: Fds, call: () => unknown) {
    loop.setInterval(1, call);
    loop.setInterval(1, call);
    busy(1);
  },
  handler(loop: ReturnType<typeof testLoop>, fds: Fds, call: () => unknown) {
    for (const [reader, writer] of [fds.pipe(), fds.pipe()]) {
      poke(writer);
      loop.addHandler(reader, READ, call);
    }
  },
} as const;

describe.each(Object.entries(sources))("after each %s", (_, addTwice) => {
  test("promise jobs, queueMicrotask and nextTick run before anything else is called", () => {
    using loop = testLoop();
    using fds = new Fds();
    const log: string[] = [];
    addTwice(loop, fds, () => {
      log.push("call");
      queueMicrotask(() => log.push("later"));
      process.nextTick(() => log.push("later"));
      Promise.resolve().then(() => log.push("later"));
    });
    loop.runOnce(0);
    expect(log).toEqual(["call", "later", "later", "later", "call", "later", "later", "later"]);
  });

  test("a chain of awaits runs to its end before anything else is called", () => {
    using loop = testLoop();
    using fds = new Fds();
    const log: string[] = [];
    addTwice(loop, fds, async () => {
      log.push("begin");
      for (let count = 0; count < 10; count++) await null;
      log.push("end");
    });
    loop.runOnce(0);
    expect(log).toEqual(["begin", "end", "begin", "end"]);
  });

  test("they run also when the call has thrown", () => {
    const log: string[] = [];
    using loop = testLoop({ onError: () => log.push("error") });
    using fds = new Fds();
    addTwice(loop, fds, () => {
      queueMicrotask(() => log.push("microtask"));
      throw new Error("from a call");
    });
    loop.runOnce(0);
    expect(log).toEqual(["error", "microtask", "error", "microtask"]);
  });
});
