import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type MessagePort, Worker } from "node:worker_threads";
import { READ, wake } from "../src/index.ts";
import { Fds, ignore, poke, testLoop } from "./support.ts";
import { MODES, runIn } from "./support-modes.ts";
import { AFTER_MS, Channel, collect, post, range, startSender } from "./support-ports.ts";

const LIMIT_MS = 20_000;

describe.each([...MODES])("in %s", (mode) => {
  test.each([
    ["goes on", true],
    ["ends with the last of them", false],
  ])(
    "messages of a Worker that %s come in order, none lost and none twice",
    async (_, stays) => {
      using loop = testLoop();
      using channel = new Channel();
      const heard = collect(loop, channel.near, 5000, AFTER_MS);
      await using sender = await startSender({ port: channel.far, count: 5000, stays });
      sender.open();
      await runIn(mode, loop, 15_000);
      expect(heard).toEqual(range(5000));
    },
    LIMIT_MS,
  );

  test(
    "messages whose sender wakes the loop come in order, none lost and none twice",
    async () => {
      using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
      using channel = new Channel();
      const heard: unknown[] = [];
      const id = loop.addPort(channel.near, (data) => {
        heard.push(data);
        if (heard.length === 5000) loop.callLater(AFTER_MS, () => loop.stop());
      });
      await using sender = await startSender({ port: channel.far, id, count: 5000 });
      sender.open();
      await runIn(mode, loop, 15_000);
      expect(heard).toEqual(range(5000));
    },
    LIMIT_MS,
  );

  test("a message that came before the run is heard in it", async () => {
    using loop = testLoop();
    using channel = new Channel();
    post(channel.far, 0, 3);
    const heard = collect(loop, channel.near, 5);
    post(channel.far, 3, 2);
    await runIn(mode, loop);
    expect(heard).toEqual(range(5));
  });

  test("a message without a wake is heard soon, also by a loop that sleeps otherwise", async () => {
    using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
    using channel = new Channel();
    const heard = collect(loop, channel.near, 1);
    loop.addCallback(() => channel.far.postMessage("hello"));
    await runIn(mode, loop);
    expect(heard).toEqual(["hello"]);
  });

  test("a port that is added within the run is heard", async () => {
    using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
    using channel = new Channel();
    let heard: unknown[] = [];
    loop.callLater(5, () => {
      heard = collect(loop, channel.near, 1);
      channel.far.postMessage("hello");
    });
    await runIn(mode, loop);
    expect(heard).toEqual(["hello"]);
  });

  test("undefined, null and objects come as they were sent", async () => {
    using loop = testLoop();
    using channel = new Channel();
    const sent = [undefined, null, 0, "", false, { deep: [1, new Map([[1, "one"]])] }, undefined];
    const heard = collect(loop, channel.near, sent.length);
    for (const message of sent) channel.far.postMessage(message);
    await runIn(mode, loop);
    expect(heard).toEqual(sent);
  });

  test("what is transferred arrives: a buffer, and a port that works", async () => {
    using loop = testLoop();
    using channel = new Channel();
    using inner = new Channel();
    const buffer = new Uint8Array([1, 2, 3]).buffer;
    const bytes: number[] = [];
    loop.addPort(channel.near, (data) => {
      const message = data as { readonly buffer: ArrayBuffer; readonly port: MessagePort };
      bytes.push(...new Uint8Array(message.buffer));
      loop.addPort(message.port, (answer) => {
        bytes.push(answer as number);
        loop.removePort(message.port);
        message.port.close();
        loop.stop();
      });
    });
    channel.far.postMessage({ buffer, port: inner.near }, [buffer, inner.near]);
    inner.far.postMessage(4);
    await runIn(mode, loop);
    expect(bytes).toEqual([1, 2, 3, 4]);
    expect(buffer.byteLength).toBe(0);
  });

  test("two ports are told apart", async () => {
    using loop = testLoop();
    using one = new Channel();
    using two = new Channel();
    const inOne = collect(loop, one.near, -1);
    const inTwo = collect(loop, two.near, 2, AFTER_MS);
    one.far.postMessage("a");
    two.far.postMessage("b");
    one.far.postMessage("c");
    two.far.postMessage("d");
    await runIn(mode, loop);
    expect([inOne, inTwo]).toEqual([
      ["a", "c"],
      ["b", "d"],
    ]);
  });

  test("a flood of 20,000 messages does not keep the loop from its fds", async () => {
    using loop = testLoop();
    using channel = new Channel();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    let heard = 0;
    let heardAtFd = -1;
    const id = loop.addPort(channel.near, () => {
      if (++heard === 20_000) loop.stop();
    });
    loop.addHandler(reader, READ, () => {
      if (heard > 0 && heardAtFd < 0) heardAtFd = heard;
    });
    post(channel.far, 0, 20_000);
    wake(id);
    await runIn(mode, loop);
    expect(heard).toBe(20_000);
    // Between the first message and the last, the fd had its turn.
    expect(heardAtFd).toBeWithin(1, 20_000);
  });

  test(
    "the messages of a Worker's parent come through parentPort",
    async () => {
      const worker = new Worker(join(import.meta.dir, "children", "port-parent.ts"), {
        workerData: mode,
      });
      try {
        const answers: unknown[] = [];
        const stopped = Promise.withResolvers<void>();
        worker.on("error", stopped.reject);
        worker.on("message", (message: readonly [string, unknown]) => {
          const [kind, data] = message;
          if (kind === "stopped") stopped.resolve();
          if (kind === "heard") answers.push(data);
          if (kind === "heard" && data === 2) worker.postMessage("stop");
          if (kind !== "id") return;
          for (const number of range(3)) {
            worker.postMessage(number);
            if (number === 1) wake(data as number);
          }
        });
        await stopped.promise;
        expect(answers).toEqual([0, 1, 2]);
      } finally {
        await worker.terminate();
      }
    },
    LIMIT_MS,
  );
});

test(
  "across start(), run() and the time between them messages come in order, none lost and none twice",
  async () => {
    using loop = testLoop();
    using channel = new Channel();
    const count = 2000;
    const heard: unknown[] = [];
    const id = loop.addPort(channel.near, (data) => {
      heard.push(data);
    });
    await using sender = await startSender({ port: channel.far, id, count, pauseMs: 0.1 });
    sender.open();
    const limit = Date.now() + 15_000;
    for (let turn = 0; heard.length < count && Date.now() < limit; turn++) {
      loop.callLater(turn % 7, () => loop.stop());
      if (turn % 3 === 0) loop.start();
      else if (turn % 3 === 1) await loop.run();
      else await Bun.sleep(turn % 5);
    }
    loop.callLater(AFTER_MS, () => loop.stop());
    loop.start();
    expect(heard).toEqual(range(count));
  },
  LIMIT_MS,
);

test(
  "in start() a message whose sender wakes the loop does not wait for the next look",
  async () => {
    using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
    using channel = new Channel();
    const heard: unknown[] = [];
    const id = loop.addPort(channel.near, (data) => {
      heard.push(data);
      if (heard.length < 100) answer();
      else loop.stop();
    });
    const answer = (): void => {
      channel.far.postMessage(heard.length);
      wake(id);
    };
    loop.addCallback(answer);
    const began = performance.now();
    await runIn("start()", loop, 15_000);
    expect(heard).toEqual(range(100));
    // A hundred looks would take ten seconds.
    expect(performance.now() - began).toBeLessThan(8000);
  },
  LIMIT_MS,
);

test("a start() without ports, or whose ports were removed, does not wake to look", () => {
  using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
  using channel = new Channel();
  loop.callLater(250, () => loop.stop());
  let stopped = loop.pollTimeout();
  loop.addCallback(() => {
    stopped = loop.pollTimeout();
  });
  loop.start();
  expect(stopped).toBeGreaterThan(100);

  loop.addPort(channel.near, ignore);
  const seen: number[] = [];
  loop.callLater(1, () => {
    seen.push(loop.pollTimeout());
    loop.removePort(channel.near);
  });
  const guard = loop.callLater(60_000, ignore);
  loop.callLater(AFTER_MS, () => {
    seen.push(loop.pollTimeout());
    loop.stop();
  });
  loop.start();
  loop.removeTimeout(guard);
  // While there is a port it looks; afterwards only that last timeout is left.
  expect(seen[0]).toBeLessThanOrEqual(100);
  expect(seen[1]).toBeGreaterThan(1000);
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
});
