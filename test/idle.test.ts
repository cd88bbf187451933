import { describe, expect, test } from "bun:test";
import { READ } from "../src/index.ts";
import { Fds, testLoop } from "./support.ts";
import { CHILD_TEST_MS, figuresOf, runChild } from "./support-child.ts";
import { timed } from "./support-system.ts";
import { whyUntraceable } from "./support-trace.ts";

describe.each([
  ["plain", "0"],
  ["spinning 100 microseconds before each sleep", "100"],
])("a quiet loop, %s,", (_, spin) => {
  test(
    "uses no CPU time and calls nothing",
    async () => {
      const { wallMs, cpuMs, called } = await figuresOf("idle.ts", { args: ["300", "50", spin] });
      expect(called).toBe(0);
      expect(wallMs).toBeGreaterThanOrEqual(300);
      // A loop that spins would use all of the 300 ms; the engine's own threads use a little.
      expect(cpuMs).toBeLessThan(100);
    },
    CHILD_TEST_MS,
  );
});

const untraceable = whyUntraceable();
if (untraceable !== undefined) {
  console.warn(`the waits of a quiet loop are not counted: ${untraceable}`);
}

test.skipIf(untraceable !== undefined)(
  "a quiet loop wakes only for maxWait",
  async () => {
    const under = ["strace", "-f", "-e", "trace=epoll_pwait2,epoll_pwait,write"];
    const waits = async (maxWait: string): Promise<number> => {
      const { stderr, code } = await runChild("idle.ts", { under, args: ["400", maxWait, "0"] });
      expect(code).toBe(0);
      // Bun's own waits, at its start and at its end, are not the loop's.
      const [, quiet = ""] = stderr.split('write(1, "ready');
      return [...(quiet.split("write(1, ")[0] ?? "").matchAll(/ epoll_pwait2?\(/g)].length;
    };
    const [often, once] = [await waits("40"), await waits("Infinity")];
    console.log(`  waits in 400 quiet ms: ${often} with maxWait 40, ${once} without`);
    // Ten of 40 ms; fewer where waits came back late, a few more around the timer, before which the last may end.
    expect(often).toBeGreaterThanOrEqual(5);
    expect(often).toBeLessThanOrEqual(15);
    expect(once).toBeGreaterThanOrEqual(1);
    expect(once).toBeLessThanOrEqual(6);
  },
  CHILD_TEST_MS,
);

test.each([
  ["SIGUSR2", ["SIGUSR2"]],
  ["SIGSTOP and SIGCONT", ["SIGSTOP", "SIGCONT"]],
] as const)(
  "%s during a wait ends neither runOnce(200) early nor start()",
  async (_, signals) => {
    let sent = 0;
    let turn = 0;
    const figures = await figuresOf("interrupted.ts", {
      prod: (pid) => {
        process.kill(pid, signals[turn++ % signals.length]);
        sent++;
      },
    });
    // Every few milliseconds over 350: far fewer are sent where the machine is busy.
    expect(sent).toBeGreaterThan(5);
    if (signals.length === 1) expect(figures["heard"]).toBeGreaterThan(0);
    expect(figures["called"]).toBe(0);
    expect(figures["runOnceMs"]).toBeGreaterThanOrEqual(200);
    expect(figures["startMs"]).toBeGreaterThanOrEqual(150);
    expect(figures["maxWaitMs"]).toBeGreaterThanOrEqual(150);
    // The waits are not begun anew after each signal: they would go on as long as signals come.
    expect(figures["runOnceMs"]).toBeLessThan(2000);
    expect(figures["startMs"]).toBeLessThan(2000);
    expect(figures["maxWaitMs"]).toBeLessThan(2000);
  },
  CHILD_TEST_MS,
);

test("an event that comes while the loop spins is found without a sleep", () => {
  using loop = testLoop({ spin: 1_000_000, maxWait: 900 });
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  let called = 0;
  loop.addHandler(reader, READ, () => called++);
  const writes = Bun.spawn(["sh", "-c", "sleep 0.03; echo x"], { stdout: writer, timeout: 5000 });
  // All of the wait is spun through, so the event can only be found by spinning.
  const waited = timed(() => loop.runOnce(900));
  expect(called).toBe(1);
  expect(waited).toBeLessThan(900);
  writes.unref();
});

test("spinning does not make timers early or late, and runOnce(0) does not spin", () => {
  using loop = testLoop({ spin: 1_000_000 });
  const began = loop.time();
  let ranAt = 0;
  loop.callLater(5, () => {
    ranAt = loop.time();
  });
  for (let pass = 0; pass < 100; pass++) loop.runOnce(0);
  expect(loop.time() - began).toBeLessThan(900);
  while (ranAt === 0) loop.runOnce(20);
  expect(ranAt - began).toBeGreaterThanOrEqual(5);
  expect(ranAt - began).toBeLessThan(900);
});

test(
  "a Worker that is blocked in start() ends on terminate()",
  async () => {
    const { endedMs, exited } = await figuresOf("terminate.ts");
    expect(exited).toBe(1);
    // The loop itself would end after a minute.
    expect(endedMs).toBeLessThan(4000);
  },
  CHILD_TEST_MS,
);
