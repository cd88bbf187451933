import { expect, test } from "bun:test";
import { READ, wake } from "../src/index.ts";
import { Fds, poke, testLoop } from "./support.ts";
import { FakeClocks } from "./support-clock.ts";
import { Channel } from "./support-ports.ts";

// Found by the model: what is added while a step runs belongs to the next pass of that step, so that nothing which
// adds itself again keeps the loop from its fds.

/** Where a call that adds itself again gives up, so that a loop that never ends fails the test. */
const CALLS_MOST = 50;

test("a waker that a waker's callback opens and wakes is called in the next iteration, after the fds", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  const order: string[] = [];
  const again = (): void => {
    order.push("waker");
    if (order.length < CALLS_MOST) loop.waker(again).wake();
  };
  loop.addHandler(reader, READ, () => order.push("fd"));
  loop.waker(again).wake();
  loop.runOnce(0);
  loop.runOnce(0);
  expect(order).toEqual(["waker", "fd", "waker", "fd"]);
});

test("a port that its handler adds anew is told what came meanwhile after the next wake", () => {
  using loop = testLoop();
  using channel = new Channel();
  let calls = 0;
  const handler = (): void => {
    if (++calls === CALLS_MOST) return;
    loop.removePort(channel.near);
    const id = loop.addPort(channel.near, handler);
    channel.far.postMessage("again");
    wake(id);
  };
  const id = loop.addPort(channel.near, handler);
  channel.far.postMessage("first");
  wake(id);
  loop.runOnce(0);
  expect(calls).toBe(1);
  loop.runOnce(0);
  expect(calls).toBe(2);
});

test("a port that its handler adds anew is told what came meanwhile at the next look, 100 ms later", () => {
  using clocks = new FakeClocks();
  using loop = testLoop();
  using channel = new Channel();
  let calls = 0;
  const handler = (): void => {
    if (++calls === CALLS_MOST) return;
    loop.removePort(channel.near);
    loop.addPort(channel.near, handler);
    channel.far.postMessage("again");
  };
  loop.addPort(channel.near, handler);
  channel.far.postMessage("first");
  const seen: number[] = [];
  const beat = (): void => {
    seen.push(calls);
    clocks.mono += 101;
    if (seen.length === 3) loop.stop();
    else loop.addCallback(beat);
  };
  loop.addCallback(beat);
  loop.start();
  expect(seen).toEqual([0, 1, 2]);
});
