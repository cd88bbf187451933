import { describe, expect, test } from "bun:test";
import type { IOLoop } from "../src/index.ts";
import { ignore, testLoop } from "./support.ts";
import { MODES, runIn } from "./support-modes.ts";
import { AFTER_MS, Channel, post } from "./support-ports.ts";

type Heard = [by: string, message: unknown];

/** Listens as `by`, and stops the loop a while after all of `count` have come, to whomever. */
function listen(loop: IOLoop, { near }: Channel, by: string, heard: Heard[], count: number): void {
  loop.addPort(near, (message) => {
    heard.push([by, message]);
    if (heard.length === count) loop.callLater(AFTER_MS, () => loop.stop());
  });
}

describe.each([...MODES])("in %s", (mode) => {
  test("a handler that hands its port over leaves the messages behind its own to the next one", async () => {
    using loop = testLoop();
    using channel = new Channel();
    const heard: Heard[] = [];
    loop.addPort(channel.near, (message) => {
      heard.push(["first", message]);
      loop.removePort(channel.near);
      listen(loop, channel, "second", heard, 4);
    });
    post(channel.far, 0, 4);
    await runIn(mode, loop);
    expect(heard).toEqual([
      ["first", 0],
      ["second", 1],
      ["second", 2],
      ["second", 3],
    ]);
  });

  test("a message that came to a handler which was removed before its turn is the next one's", async () => {
    using loop = testLoop();
    using channel = new Channel();
    const heard: Heard[] = [];
    loop.addPort(channel.near, (message) => heard.push(["removed", message]));
    post(channel.far, 0, 2);
    await Bun.sleep(20);
    loop.removePort(channel.near);
    // The callbacks that bring them find nobody.
    loop.runOnce(0);
    listen(loop, channel, "next", heard, 3);
    post(channel.far, 2, 1);
    await runIn(mode, loop);
    expect(heard).toEqual([
      ["next", 0],
      ["next", 1],
      ["next", 2],
    ]);
  });
});

test("such a message is also for the handler of another loop", async () => {
  using loop = testLoop();
  using other = testLoop();
  using channel = new Channel();
  const heard: Heard[] = [];
  loop.addPort(channel.near, ignore);
  post(channel.far, 0, 1);
  await Bun.sleep(20);
  loop.removePort(channel.near);
  loop.runOnce(0);
  listen(other, channel, "other", heard, 2);
  post(channel.far, 1, 1);
  await runIn("run()", other);
  expect(heard).toEqual([
    ["other", 0],
    ["other", 1],
  ]);
});
