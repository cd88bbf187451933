import { describe, expect, test } from "bun:test";
import type { IOLoop } from "../src/index.ts";
import { Fds, testLoop } from "./support.ts";
import { busy } from "./support-clock.ts";
import { addCall, type Source } from "./support-sources.ts";

describe.each<Source>(["callback", "timeout", "interval", "handler"])("after each %s", (source) => {
  /** Has `call` called twice in one pass of one step. */
  function addTwice(loop: IOLoop, fds: Fds, call: () => unknown): void {
    addCall(loop, fds, source, call);
    addCall(loop, fds, source, call);
    // The next pass finds both intervals due.
    busy(1);
  }

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
