import { expect, test } from "bun:test";
import { IOLoop, instance } from "../src/index.ts";
import { FDS_PER_LOOP, kqueue, lacks } from "./support-backend.ts";
import { figuresOf } from "./support-child.ts";

test("instance() is one loop for the thread, and a fresh one after it was closed", () => {
  const first = instance();
  expect(IOLoop.instance()).toBe(first);
  first.close();
  const second = instance();
  expect(second).not.toBe(first);
  expect(second.closed).toBeFalse();
  expect(instance()).toBe(second);
  second.close();
});

test("a loop made by hand is not the global one", () => {
  using own = new IOLoop();
  const global = instance();
  expect(global).not.toBe(own);
  global.close();
});

test("a Worker has a global loop of its own, and ten loops live on each of two threads at once", async () => {
  expect(await figuresOf("loops-on-threads.ts")).toEqual({
    served: 20,
    closedByWorkers: 20,
    freshInWorkers: 2,
    mainKept: 1,
  });
}, 20_000);

test("a thousand loops that are opened and closed leave no fd behind", async () => {
  expect(await figuresOf("loops-and-fds.ts")).toEqual({ left: 0 });
}, 20_000);

test.skipIf(lacks("EMFILE from kqueue()"))(
  "without a free fd opening a loop throws EMFILE, leaks nothing, and works once there is room",
  async () => {
    const figures = await figuresOf("full-fd-table.ts", {
      under: ["bash", "-c", 'ulimit -n 40; exec "$0" "$@"'],
    });
    // With one free fd less than a loop takes it is refused; another one is for `loop.fd`.
    expect(figures).toEqual({
      refusals: FDS_PER_LOOP,
      leaked: 0,
      opened: 1,
      // A kqueue is watched itself, and needs no fd for that.
      fdRefused: kqueue ? 0 : 1,
      fdOpened: 1,
      left: 0,
    });
  },
  20_000,
);
