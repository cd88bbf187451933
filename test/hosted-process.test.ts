import { describe, expect, test } from "bun:test";
import { Fds } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { CHILD_TEST_MS, figuresOf, runChild } from "./support-child.ts";
import { canSleep, FDS_PER_RUN, WAYS, type Way } from "./support-hosted.ts";
import { startWorkers, TestWorker } from "./support-system.ts";
import { whyUntraceable } from "./support-trace.ts";

/** The environment in which hosted loops are woken that way. */
function woken(way: Way): Record<string, string> {
  return { BUN_IOLOOP_WATCH: way };
}

/** How a child ends, in which a hosted loop would run for an hour; one that hangs is killed, and has another code. */
const ENDS: readonly (readonly [how: string, code: number, stdout: string])[] = [
  ["kept by default", 0, "stayed resolved"],
  ["ref before", 0, "stayed resolved"],
  ["ref right after run", 0, "stayed resolved"],
  ["ref while asleep", 0, "stayed resolved"],
  ["ref for the next run", 0, "stayed resolved"],
  ["unref before", 0, ""],
  ["unref right after run", 0, ""],
  ["unref while asleep", 0, ""],
  ["unref in a turn", 0, ""],
  ["unref of a busy loop", 0, ""],
  ["unref of a loop that becomes busy", 0, ""],
  ["unref of a busy loop while it runs", 0, ""],
  ["unref beside Bun's timer", 0, "beat timer"],
  ["stop", 0, "resolved"],
  ["close", 0, "resolved"],
  ["exit from Bun", 7, ""],
  ["exit in a turn", 7, ""],
  ["exit right after run", 7, ""],
  ["exit of a busy loop", 7, ""],
  ["uncaught exception", 1, ""],
  ["unhandled rejection", 1, ""],
  ["run() rejected", 1, ""],
];

describe.each(WAYS)("a process with a hosted loop, %s,", (_name, way) => {
  test.each(ENDS)(
    "ends as it should: %s",
    async (how, code, words) => {
      const ended = await runChild("hosted-end.ts", { args: [how], env: woken(way) });
      expect({ code: ended.code, words: ended.stdout.trim().split("\n").join(" ") }).toEqual({
        code,
        words,
      });
      if (code === 1) expect(ended.stderr).toContain("uncaught");
      else expect(ended.stderr).toBe("");
    },
    CHILD_TEST_MS,
  );

  test(
    "dies of a signal while it sleeps",
    async () => {
      const { code } = await runChild("hosted-end.ts", { args: ["killed"], env: woken(way) });
      // 128 and SIGTERM's number.
      expect(code).toBe(143);
    },
    CHILD_TEST_MS,
  );

  test.skipIf(!canSleep)(
    "uses no processor time while it sleeps, and calls nothing",
    async () => {
      const { wallMs, cpuMs, called, running } = await figuresOf("hosted-idle.ts", {
        args: ["hosted", "2000"],
        env: woken(way),
      });
      expect([called, running]).toEqual([0, 1]);
      expect(wallMs).toBeGreaterThan(1990);
      // A loop that spins would use all of the time; the engine's own threads use a little.
      expect(cpuMs).toBeLessThan(200);
    },
    CHILD_TEST_MS,
  );

  test(
    "has no fd and no thread more after a thousand loops were opened, run and closed",
    async () => {
      expect(await figuresOf("hosted-leaks.ts", { env: woken(way) })).toEqual({
        ends: 1040,
        fdsLeft: 0,
        threadsLeft: 0,
      });
    },
    CHILD_TEST_MS,
  );

  test(
    "has no fd and no thread more after Workers were terminated in their sleep",
    async () => {
      const { fdsLeft, threadsLeft } = await figuresOf("hosted-workers-leaks.ts", {
        env: woken(way),
      });
      expect(fdsLeft).toBe(0);
      // Some of Bun's own threads come and go; twenty Workers have at least as many.
      expect(threadsLeft).toBeLessThan(10);
    },
    CHILD_TEST_MS,
  );

  test.skipIf(lacks("EMFILE from kqueue()"))(
    "without a free fd has run() reject with EMFILE, leaks nothing, and runs once there is room",
    async () => {
      const figures = await figuresOf("hosted-full-fd-table.ts", {
        under: ["bash", "-c", 'ulimit -n 60; exec "$0" "$@"'],
        env: woken(way),
      });
      expect(figures).toEqual({
        refusals: FDS_PER_RUN,
        leaked: 0,
        stillRunning: 0,
        served: 1,
        left: 0,
      });
    },
    CHILD_TEST_MS,
  );
});

const untraceable = whyUntraceable();
if (untraceable !== undefined) {
  console.warn(`the waits of a sleeping hosted loop are not counted: ${untraceable}`);
}

/** What a trace shows of a loop: its own calls, waits on another queue than Bun's, and waits that an event has ended. */
function stirrings(trace: string): string[] {
  const lines = trace.split("\n").filter((line) => /epoll|io_uring|recv|send|timerfd/.test(line));
  const waited = (line: string): string | undefined => /epoll_p?wait2?\((\d+)/.exec(line)?.[1];
  const queueOfBun = lines.map(waited).find((queue) => queue !== undefined);
  return lines.filter((line) => {
    const queue = waited(line);
    if (queue === undefined && !line.includes("resumed>")) return true;
    // Bun's own timers end its waits without an event.
    return (queue !== undefined && queue !== queueOfBun) || /= [1-9]\d*$/.test(line);
  });
}

describe.skipIf(untraceable !== undefined).each(WAYS)(
  "a sleeping hosted loop, %s,",
  (_name, way) => {
    test(
      "makes no system call, and has nobody woken",
      async () => {
        const names = "epoll_wait,epoll_pwait,epoll_pwait2,epoll_ctl,timerfd_settime";
        const more = "io_uring_enter,recvfrom,sendto,write";
        const under = ["strace", "-f", "-e", `trace=${names},${more}`];
        const seen = async (loop: string): Promise<string[]> => {
          const options = { under, args: [loop, "2000"], env: woken(way) };
          const { stderr, code } = await runChild("hosted-idle.ts", options);
          expect(code).toBe(0);
          const [, afterReady = ""] = stderr.split('write(1, "ready');
          const [resting = "", rest] = afterReady.split('write(1, "rested');
          expect(rest).toBeDefined();
          return stirrings(resting);
        };
        const [without, beside] = await Promise.all([seen("none"), seen("hosted")]);
        // A Bun of another version may do something of the kind by itself.
        expect(beside.slice(without.length)).toEqual([]);
      },
      CHILD_TEST_MS,
    );
  },
);

describe("in a Worker", () => {
  test(
    "a hosted loop serves its fds and timers beside Bun's, in several at once",
    async () => {
      using fds = new Fds();
      const serveFrom = async (): Promise<unknown> => {
        const [reader, writer] = fds.pipe();
        await using worker = await TestWorker.start("hosted-worker.ts", {
          rounds: 20,
          reader,
          writer,
        });
        return await worker.message();
      };
      const served = await Promise.all([serveFrom(), serveFrom(), serveFrom()]);
      for (const count of served) expect(count).toBeGreaterThanOrEqual(20);
    },
    CHILD_TEST_MS,
  );

  test(
    "a hosted loop that sleeps does not keep the Worker from its end",
    async () => {
      using fds = new Fds();
      const [reader, writer] = fds.pipe();
      const workers = await startWorkers(3, "hosted-worker.ts", { rounds: 0, reader, writer });
      const began = performance.now();
      await workers[Symbol.asyncDispose]();
      expect(performance.now() - began).toBeLessThan(4000);
    },
    CHILD_TEST_MS,
  );
});
