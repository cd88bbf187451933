import { describe, expect, test } from "bun:test";
import type { CallContext, ExitStatus, IOLoop } from "../src/index.ts";
import { ignore, openFds, testLoop } from "./support.ts";
import { MODES, type Mode, runIn } from "./support-modes.ts";
import { Sleeper } from "./support-sleeper.ts";

const LIMIT_MS = 20_000;
/** Long enough for a call too many to show itself; a slow machine only makes it longer. */
const AFTER_MS = 50;

/** The end of a process, as the loop tells it. */
async function endOf(
  mode: Mode,
  loop: IOLoop,
  pid: number,
  end: () => unknown,
): Promise<ExitStatus | undefined> {
  const calls: [number, ExitStatus | undefined][] = [];
  loop.addChildHandler(pid, (...args) => {
    calls.push(args);
    loop.callLater(AFTER_MS, () => loop.stop());
  });
  loop.addCallback(end);
  await runIn(mode, loop);
  expect(calls).toEqual([[pid, calls[0]?.[1]]]);
  return calls[0]?.[1];
}

describe.each([...MODES])("in %s", (mode) => {
  test.each([0, 1, 7, 255])(
    "a child that exits with %i tells that, to the loop and to Bun",
    async (exitCode) => {
      using loop = testLoop();
      const child = Bun.spawn(["sh", "-c", `sleep 0.03; exit ${exitCode}`]);
      const status = await endOf(mode, loop, child.pid, ignore);
      expect(status).toEqual({ exitCode, signalCode: null });
      expect(await child.exited).toBe(exitCode);
      expect(child).toMatchObject({ exitCode, signalCode: null });
    },
    LIMIT_MS,
  );

  test.each(["SIGTERM", "SIGKILL", "SIGUSR2"] as const)(
    "a child that %s ends tells that, to the loop and to Bun",
    async (signalCode) => {
      using loop = testLoop();
      using sleeper = new Sleeper();
      const status = await endOf(mode, loop, sleeper.pid, () =>
        process.kill(sleeper.pid, signalCode),
      );
      expect(status).toEqual({ exitCode: null, signalCode });
      await sleeper.process.exited;
      expect(sleeper.process).toMatchObject({ exitCode: null, signalCode });
    },
    LIMIT_MS,
  );

  test(
    "onExit of Bun.spawn is called as ever, with the same status",
    async () => {
      using loop = testLoop();
      const exits = Promise.withResolvers<unknown[]>();
      const child = Bun.spawn(["sh", "-c", "sleep 0.05; exit 9"], {
        onExit: (_, ...status) => exits.resolve(status.slice(0, 2)),
      });
      expect(await endOf(mode, loop, child.pid, ignore)).toEqual({ exitCode: 9, signalCode: null });
      expect(await exits.promise).toEqual([9, null]);
    },
    LIMIT_MS,
  );

  test(
    "a process that Bun did not start tells its end",
    async () => {
      using loop = testLoop();
      // Its own parent goes at once.
      const shell = Bun.spawn(["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"], {
        stdout: "pipe",
      });
      const pid = Number(await shell.stdout.text());
      await shell.exited;
      const status = await endOf(mode, loop, pid, () => process.kill(pid, "SIGTERM"));
      // Where the kernel tells it to its parent alone it is undefined.
      expect(status ?? { exitCode: null, signalCode: "SIGTERM" }).toEqual({
        exitCode: null,
        signalCode: "SIGTERM",
      });
    },
    LIMIT_MS,
  );

  test(
    "`arg` comes first where it was given",
    async () => {
      using loop = testLoop();
      using sleeper = new Sleeper();
      const arg = { some: "thing" };
      const calls: unknown[][] = [];
      loop.addChildHandler(
        sleeper.pid,
        (...args) => {
          calls.push(args);
          loop.stop();
        },
        arg,
      );
      loop.addCallback(() => sleeper.process.kill("SIGKILL"));
      await runIn(mode, loop);
      expect(calls).toEqual([[arg, sleeper.pid, { exitCode: null, signalCode: "SIGKILL" }]]);
      expect(calls[0]?.[0]).toBe(arg);
    },
    LIMIT_MS,
  );

  test(
    "a child that has ended and that nobody has reaped yet tells its end at once",
    async () => {
      using loop = testLoop();
      const child = Bun.spawn(["sh", "-c", "exit 6"]);
      // Bun cannot look while this blocks: the child stays a zombie.
      const limit = Date.now() + 4000;
      while (Date.now() < limit && isAlive(child.pid)) Bun.sleepSync(1);
      const status = await endOf(mode, loop, child.pid, ignore);
      expect(status).toEqual({ exitCode: 6, signalCode: null });
      expect(await child.exited).toBe(6);
    },
    LIMIT_MS,
  );

  test(
    "of 50 children at once each tells its own end, and no fd stays open",
    async () => {
      using loop = testLoop();
      const children = Array.from({ length: 50 }, (_, index) =>
        Bun.spawn(["sh", "-c", `sleep 0.0${index % 7}; exit ${index}`], {
          stdin: "ignore",
          stdout: "ignore",
          stderr: "ignore",
        }),
      );
      const before = openFds();
      const ended = new Map<number, ExitStatus | undefined>();
      let calls = 0;
      for (const { pid } of children) {
        loop.addChildHandler(pid, (own, status) => {
          ended.set(own, status);
          if (++calls === children.length) loop.callLater(AFTER_MS, () => loop.stop());
        });
      }
      await runIn(mode, loop);
      expect(calls).toBe(50);
      for (const [exitCode, child] of children.entries()) {
        expect(ended.get(child.pid)).toEqual({ exitCode, signalCode: null });
        expect(await child.exited).toBe(exitCode);
      }
      // Bun closes its own fds of them.
      expect(openFds()).toBeLessThanOrEqual(before);
    },
    LIMIT_MS,
  );

  test(
    "after removeChildHandler() the end is not told to the loop, but to Bun",
    async () => {
      using loop = testLoop();
      using sleeper = new Sleeper();
      let calls = 0;
      loop.addChildHandler(sleeper.pid, () => calls++);
      loop.callLater(1, () => {
        // Both in one batch, or the removal before the end: no call either way.
        expect(loop.removeChildHandler(sleeper.pid)).toBeTrue();
        expect(loop.removeChildHandler(sleeper.pid)).toBeFalse();
        process.kill(sleeper.pid, "SIGKILL");
      });
      loop.callLater(AFTER_MS, () => loop.stop());
      await runIn(mode, loop);
      expect(calls).toBe(0);
      await sleeper.process.exited;
      expect(sleeper.process.signalCode).toBe("SIGKILL");
    },
    LIMIT_MS,
  );

  test(
    "a handler may watch the next process, and be rid of it by close()",
    async () => {
      const loop = testLoop();
      using one = new Sleeper();
      using two = new Sleeper();
      const ended: number[] = [];
      loop.addChildHandler(one.pid, (pid) => {
        ended.push(pid);
        loop.addChildHandler(two.pid, (next) => {
          ended.push(next);
          loop.close();
        });
        process.kill(two.pid, "SIGKILL");
      });
      loop.addCallback(() => process.kill(one.pid, "SIGKILL"));
      await runIn(mode, loop);
      expect(ended).toEqual([one.pid, two.pid]);
      expect(loop.removeChildHandler(two.pid)).toBeFalse();
    },
    LIMIT_MS,
  );

  test(
    "what a handler throws, or rejects with, reaches onError with the pid",
    async () => {
      const told: [string, CallContext][] = [];
      using loop = testLoop({
        onError: (error, context) => told.push([(error as Error).message, context]),
      });
      using one = new Sleeper();
      using two = new Sleeper();
      loop.addChildHandler(one.pid, () => {
        process.kill(two.pid, "SIGKILL");
        throw new Error("thrown");
      });
      loop.addChildHandler(two.pid, async () => {
        loop.callLater(AFTER_MS, () => loop.stop());
        throw new Error("rejected");
      });
      loop.addCallback(() => process.kill(one.pid, "SIGKILL"));
      await runIn(mode, loop);
      expect(told).toMatchObject([
        ["thrown", { source: "child", ref: one.pid }],
        ["rejected", { source: "child", ref: two.pid }],
      ]);
    },
    LIMIT_MS,
  );

  test(
    "what onError throws about a child leaves the run, and its handler was called once",
    async () => {
      using loop = testLoop();
      using sleeper = new Sleeper();
      let calls = 0;
      loop.addChildHandler(sleeper.pid, () => {
        calls++;
        throw new Error("thrown by a child's handler");
      });
      loop.addCallback(() => process.kill(sleeper.pid, "SIGKILL"));
      await expect(runIn(mode, loop)).rejects.toThrow("thrown by a child's handler");
      loop.callLater(AFTER_MS, () => loop.stop());
      await runIn(mode, loop);
      expect(calls).toBe(1);
      expect(loop.removeChildHandler(sleeper.pid)).toBeFalse();
    },
    LIMIT_MS,
  );
});

/** Whether a process runs; one that has ended and was not reaped does not. */
function isAlive(pid: number): boolean {
  const { stdout } = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)]);
  return !stdout.toString().startsWith("Z");
}
