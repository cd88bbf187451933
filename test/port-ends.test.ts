import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { type CallContext, wake } from "../src/index.ts";
import { ignore, testLoop, thrownBy, untyped } from "./support.ts";
import { CHILD_TEST_MS, runChild } from "./support-child.ts";
import { MODES, runIn } from "./support-modes.ts";
import { AFTER_MS, Channel, collect, post } from "./support-ports.ts";
import { expectIOLoopError } from "./support-system.ts";

describe.each([...MODES])("in %s", (mode) => {
  test("after removePort() nothing is heard, and removing it again is false; the port stays open", async () => {
    using loop = testLoop();
    using channel = new Channel();
    const heard = collect(loop, channel.near, -1);
    channel.far.postMessage("first");
    loop.callLater(1, () => {
      expect(loop.removePort(channel.near)).toBeTrue();
      expect(loop.removePort(channel.near)).toBeFalse();
      heard.length = 0;
      post(channel.far, 0, 3);
    });
    loop.callLater(AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    expect(heard).toEqual([]);
    const again = collect(loop, channel.near, -1, 0);
    channel.far.postMessage("open");
    loop.callLater(AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    expect(again.at(-1)).toBe("open");
  });

  test("removePort() in the handler: that message is the last", async () => {
    using loop = testLoop();
    using channel = new Channel();
    const heard: unknown[] = [];
    loop.addPort(channel.near, (data) => {
      heard.push(data);
      loop.removePort(channel.near);
    });
    post(channel.far, 0, 5);
    loop.callLater(AFTER_MS, () => loop.stop());
    await runIn(mode, loop);
    expect(heard).toEqual([0]);
  });

  test("a port whose peer has closed tells its last messages, and the loop goes on", async () => {
    using loop = testLoop();
    using channel = new Channel();
    using other = new Channel();
    const heard = collect(loop, channel.near, -1);
    const others = collect(loop, other.near, 1);
    loop.callLater(1, () => {
      post(channel.far, 0, 3);
      channel.far.close();
    });
    loop.callLater(AFTER_MS, () => other.far.postMessage("still here"));
    await runIn(mode, loop);
    expect(heard).toEqual([0, 1, 2]);
    expect(others).toEqual(["still here"]);
  });

  test("what a handler throws, or rejects with, reaches onError with the port's id, and it stays", async () => {
    const told: [string, CallContext][] = [];
    using loop = testLoop({
      onError: (error, context) => told.push([(error as Error).message, context]),
    });
    using channel = new Channel();
    let calls = 0;
    const ref = loop.addPort(channel.near, (data) => {
      calls++;
      if (data === 0) throw new Error("thrown");
      if (data === 1) return Promise.reject(new Error("rejected"));
      loop.stop();
      return undefined;
    });
    post(channel.far, 0, 3);
    await runIn(mode, loop);
    const context = { source: "port", ref } as const;
    expect(told).toMatchObject([
      ["thrown", context],
      ["rejected", context],
    ]);
    expect(calls).toBe(3);
  });

  test("close() in a handler is the last that is heard, and the port stays open", async () => {
    const loop = testLoop();
    using channel = new Channel();
    let calls = 0;
    loop.addPort(channel.near, () => {
      calls++;
      loop.close();
    });
    post(channel.far, 0, 3);
    await runIn(mode, loop);
    await Bun.sleep(AFTER_MS);
    expect(calls).toBe(1);
    const next = once(channel.near, "message");
    channel.far.postMessage("open");
    await next;
  });
});

test("a second handler for a port throws EEXIST, and the first stays", () => {
  using loop = testLoop();
  using channel = new Channel();
  const heard = collect(loop, channel.near, 1);
  expectIOLoopError(
    thrownBy(() => loop.addPort(channel.near, ignore)),
    "EEXIST",
    /removePort/,
  );
  channel.far.postMessage("first");
  loop.callLater(5000, () => loop.stop());
  loop.start();
  expect(heard).toEqual(["first"]);
});

test("a port's id is a waker's: it wakes as long as the port is there", () => {
  using loop = testLoop();
  using channel = new Channel();
  const id = loop.addPort(channel.near, ignore);
  expect(wake(id)).toBeTrue();
  loop.removePort(channel.near);
  expect(wake(id)).toBeFalse();
  const next = loop.addPort(channel.near, ignore);
  expect(next).not.toBe(id);
  loop.close();
  expect(wake(next)).toBeFalse();
  expect(loop.removePort(channel.near)).toBeFalse();
  expectIOLoopError(
    thrownBy(() => loop.addPort(channel.near, ignore)),
    "ERR_LOOP_CLOSED",
  );
});

test.each([undefined, null, 1, "port", {}, { postMessage() {} }])(
  "what is no MessagePort is a TypeError: %p",
  (port) => {
    using loop = testLoop();
    expect(thrownBy(() => loop.addPort(untyped(port), ignore))).toBeInstanceOf(TypeError);
    expect(loop.removePort(untyped(port))).toBeFalse();
  },
);

test.each([undefined, null, {}, "handler"])(
  "a handler that is no function is a TypeError: %p",
  (handler) => {
    using loop = testLoop();
    using channel = new Channel();
    expect(thrownBy(() => loop.addPort(channel.near, untyped(handler)))).toBeInstanceOf(TypeError);
    expect(loop.removePort(channel.near)).toBeFalse();
  },
);

test.each(["never", "before"])(
  "ports keep no process alive whose loop nobody runs: run %s",
  async (when) => {
    const { code, stderr } = await runChild("port-exit.ts", { args: [when] });
    expect(`${code}${stderr}`).toBe("0");
  },
  CHILD_TEST_MS,
);
