import { expect, spyOn, test } from "bun:test";
import { READ } from "../src/events.ts";
import type { IOLoop } from "../src/index.ts";
import { native } from "../src/native.ts";
import { Fds, run, testLoop } from "./support.ts";

const PASSES = 100;

/** How often the kernel is asked, in as many passes that find a callback each. */
function asked(loop: IOLoop): number {
  using spy = spyOn(native(), "ioloop_wait");
  let left = PASSES;
  const pass = (): void => {
    if (--left === 0) loop.stop();
    else loop.addCallback(pass);
  };
  loop.addCallback(pass);
  run(loop);
  return spy.mock.calls.length;
}

test("busy passes of a loop that has never watched anything do not ask the kernel", () => {
  expect(asked(testLoop())).toBe(0);
});

test("a pass asks the kernel from the first fd on, also when it has been removed, since a copy of it may live on", () => {
  using fds = new Fds();
  const loop = testLoop();
  const [reader] = fds.pipe();
  loop.addHandler(reader, READ, () => {});
  expect(asked(loop)).toBe(PASSES);
  loop.removeHandler(reader);
  expect(asked(loop)).toBe(PASSES);
});

test("a pass asks the kernel once there is a waker, and a wake is heard while callbacks keep the loop busy", () => {
  const loop = testLoop();
  let woken = 0;
  const waker = loop.waker(() => {
    woken++;
  });
  waker.wake();
  expect(asked(loop)).toBe(PASSES);
  expect(woken).toBe(1);
});

test("a loop that watches nothing sleeps until its timer, and uses no CPU meanwhile", () => {
  const loop = testLoop();
  using spy = spyOn(native(), "ioloop_wait");
  loop.callLater(20, () => loop.stop());
  run(loop);
  const sleeps = spy.mock.calls.filter(([, , , timeoutNs]) => timeoutNs > 1e6);
  expect(sleeps.length).toBeWithin(1, 4);
});
