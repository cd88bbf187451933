import { describe, expect, test } from "bun:test";
import { type IOLoop, READ, WRITE } from "../src/index.ts";
import { drain, Fds, poke, testLoop } from "./support.ts";
import { ASLEEP_MS, runHosted, serve, soon, WAYS } from "./support-hosted.ts";
import { NO_WAIT_MS } from "./support-system.ts";

describe.each(WAYS)("beside a busy hosted loop, %s,", (_name, way) => {
  /** A loop that always has something to do: a ready fd that nobody reads, and a callback that adds itself. */
  async function beside(
    work: (loop: IOLoop, turns: () => number) => Promise<unknown>,
  ): Promise<void> {
    using loop = testLoop();
    using fds = new Fds();
    let turns = 0;
    loop.addHandler(fds.pair()[0], WRITE, () => turns++);
    const again = (): void => {
      loop.addCallback(again);
    };
    again();
    const ended = runHosted(loop, way);
    try {
      await soon(work(loop, () => turns));
    } finally {
      loop.stop();
    }
    await ended;
    expect(turns).toBeGreaterThan(0);
  }

  test("Bun's setTimeout and setInterval fire, not early and not much later", async () => {
    await beside(async (_loop, turns) => {
      for (let round = 0; round < 5; round++) {
        const [began, before] = [performance.now(), turns()];
        await new Promise((resolve) => setTimeout(resolve, 10));
        // Bun's own timers count whole milliseconds.
        expect(performance.now() - began).toBeGreaterThan(8);
        expect(performance.now() - began).toBeLessThan(NO_WAIT_MS);
        expect(turns()).toBeGreaterThan(before);
      }
      let beats = 0;
      await new Promise<void>((resolve) => {
        const interval = setInterval(() => {
          if (++beats < 5) return;
          clearInterval(interval);
          resolve();
        }, 2);
      });
    });
  });

  test("Bun.serve answers and fetch resolves, many times at once", async () => {
    await beside(async () => {
      let served = 0;
      using server = serve(async () => {
        await Bun.sleep(1);
        return new Response(`${++served}`);
      });
      const answers: string[] = [];
      for (let round = 0; round < 5; round++) {
        const asked = Array.from({ length: 10 }, async () => (await fetch(server.url)).text());
        answers.push(...(await Promise.all(asked)));
      }
      expect(new Set(answers).size).toBe(50);
    });
  });

  test("files are read, processes end and sockets of Bun's speak", async () => {
    await beside(async () => {
      expect(await Bun.file(import.meta.path).text()).toContain("sockets of Bun's speak");
      const child = Bun.spawn(["sh", "-c", "echo heard"], { stdout: "pipe", timeout: 3000 });
      expect(await child.stdout.text()).toBe("heard\n");
      expect(await child.exited).toBe(0);
      const heard = Promise.withResolvers<string>();
      const echo = {
        data: (socket: { write(data: Buffer): unknown }, data: Buffer) => void socket.write(data),
      };
      using listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: echo });
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port: listener.port,
        socket: { data: (_socket, data) => heard.resolve(`${data}`) },
      });
      socket.write("echo");
      expect(await heard.promise).toBe("echo");
      socket.end();
    });
  });

  test("immediates and microtasks of Bun's go on", async () => {
    await beside(async () => {
      for (let round = 0; round < 100; round++) {
        await new Promise((resolve) => setImmediate(resolve));
        await null;
      }
    });
  });
});

describe.each(WAYS)("a busy Bun, with a hosted loop %s,", (_name, way) => {
  /** Runs `work` while something of Bun's is always ready. */
  async function busily(work: () => Promise<unknown>): Promise<void> {
    let immediate = setImmediate(again);
    let tick = setTimeout(againLater, 0);
    function again(): void {
      immediate = setImmediate(again);
    }
    function againLater(): void {
      tick = setTimeout(againLater, 0);
    }
    try {
      await work();
    } finally {
      clearImmediate(immediate);
      clearTimeout(tick);
    }
  }

  test("does not keep it from its fds, timeouts and callbacks", async () => {
    await busily(async () => {
      using loop = testLoop();
      using fds = new Fds();
      const [reader, writer] = fds.pipe();
      const log: string[] = [];
      loop.addHandler(reader, READ, () => {
        log.push(drain(reader));
        loop.callLater(5, () => {
          log.push("timeout");
          setTimeout(() => {
            loop.addCallback(() => {
              log.push("callback");
              loop.stop();
            });
          }, 5);
        });
      });
      setTimeout(() => poke(writer, "handler"), ASLEEP_MS);
      await runHosted(loop, way);
      expect(log).toEqual(["handler", "timeout", "callback"]);
    });
  });

  test("that answers requests in a row does not either", async () => {
    using server = serve();
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    let calls = 0;
    let answers = 0;
    loop.addHandler(a, READ, () => {
      drain(a);
      poke(b);
    });
    loop.addHandler(b, READ, () => {
      drain(b);
      poke(a);
      calls++;
    });
    poke(a);
    const ended = runHosted(loop, way);
    while (loop.running() && answers < 100) {
      await (await fetch(server.url)).text();
      answers++;
      if (answers === 50) expect(calls).toBeGreaterThan(0);
    }
    loop.stop();
    await ended;
    expect(answers).toBe(100);
  });
});

test("a handler may use Bun's own promises, which settle between the turns", async () => {
  using server = serve();
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  const log: string[] = [];
  loop.addHandler(reader, READ, async () => {
    drain(reader);
    log.push(await (await fetch(server.url)).text());
    await Bun.sleep(1);
    await loop.sleep(1);
    log.push("slept");
    loop.stop();
  });
  await runHosted(loop);
  expect(log).toEqual(["answer", "slept"]);
});
