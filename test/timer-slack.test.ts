import { beforeAll, describe, expect, spyOn, test } from "bun:test";
import { native } from "../src/native.ts";
import { run, testLoop, withTimeoutMode } from "./support.ts";
import { kqueue } from "./support-backend.ts";
import { NANOSECONDS, systemCallsOf, whyCoarse, whyUntraceable } from "./support-trace.ts";

const MS_NS = 1e6;
/** What a thread has by default, and the most that is made up for. */
const DEFAULT_NS = 50_000;
const FIRST_FD = 700;

const whole = kqueue ? "kqueue is asked for all of it" : whyCoarse();
if (whole !== undefined) console.warn(`what is left of a wait is not looked at: ${whole}`);

describe("a wait that the kernel ends before its time", () => {
  const DELAY_MS = 20;
  const EARLY = 3;

  /** The first waits that may sleep end at once. */
  function endEarly(): Disposable & { readonly ended: number } {
    const { ioloop_wait } = native();
    let ended = 0;
    const spy = spyOn(native(), "ioloop_wait").mockImplementation((state, batch, most, ns) => {
      if (ns === 0 || ended === EARLY) return ioloop_wait(state, batch, most, ns);
      ended++;
      return 0;
    });
    return {
      get ended() {
        return ended;
      },
      [Symbol.dispose]: () => spy.mockRestore(),
    };
  }

  test("goes on within the same iteration, and the timeout is not early", () => {
    const loop = testLoop();
    using early = endEarly();
    const { iterations } = loop.metrics();
    const deadline = loop.time() + DELAY_MS;
    let calledAt = 0;
    loop.callLater(DELAY_MS, () => {
      calledAt = loop.time();
      loop.stop();
    });
    run(loop);
    expect(early.ended).toBe(EARLY);
    expect(calledAt).toBeGreaterThanOrEqual(deadline);
    // One that waits, and one that calls.
    expect(loop.metrics().iterations - iterations).toBe(2);
  });

  test.skipIf(whole !== undefined)("sleeps on until the slack is left, and polls for that", () => {
    const loop = withTimeoutMode("ns", testLoop);
    const { ioloop_wait } = native();
    let slept = 0;
    using _spy = spyOn(native(), "ioloop_wait").mockImplementation((state, batch, most, ns) => {
      if (ns === 0) return ioloop_wait(state, batch, most, ns);
      slept++;
      // 30 us before the end, and 1 ms before it the first time.
      const left = slept === 1 ? MS_NS : 30_000;
      const end = performance.now() + (ns - left) / MS_NS;
      while (performance.now() < end);
      return 0;
    });
    const counts: number[] = [];
    // The rest of 1 ms is one more sleep, that of 30 us none; neither, where the machine stood still for as long.
    while (!counts.includes(2) && counts.length < 100) {
      slept = 0;
      const end = performance.now() + DELAY_MS;
      expect(loop.runOnce(DELAY_MS)).toBe(0);
      expect(performance.now()).toBeGreaterThanOrEqual(end);
      expect(slept).toBeLessThanOrEqual(2);
      counts.push(slept);
    }
    expect(counts).toContain(2);
  });

  test("goes on in runOnce()", () => {
    const loop = testLoop();
    using early = endEarly();
    const end = performance.now() + DELAY_MS;
    expect(loop.runOnce(DELAY_MS)).toBe(0);
    expect(early.ended).toBe(EARLY);
    expect(performance.now()).toBeGreaterThanOrEqual(end);
  });
});

const reason = whyUntraceable() ?? whole;
if (reason !== undefined) console.warn(`what the kernel is asked for is not looked at: ${reason}`);

describe.skipIf(reason !== undefined)("the kernel is asked for", () => {
  /** The slack when the queue is made, and from then on, in nanoseconds; one wait after the other, in milliseconds. */
  const CASES = [
    { name: "50 us less by default", made: DEFAULT_NS, waits: [20], asked: [19.95] },
    {
      name: "a thousandth less where that is more",
      made: DEFAULT_NS,
      waits: [100],
      asked: [99.9],
    },
    { name: "a thousandth less of a thread without slack", made: 1, waits: [20], asked: [19.98] },
    {
      name: "no more than the default less of a thread with much",
      made: 5 * MS_NS,
      waits: [20],
      asked: [19.95],
    },
    {
      name: "nothing where a wait is no longer than the slack, but the whole of the next one",
      made: DEFAULT_NS,
      waits: [0.05, 0.04, 0.03, 0.02],
      asked: [0.04, 0.02],
    },
    {
      name: "more of a thread that has less by now, once a wait was polled for",
      made: DEFAULT_NS,
      later: 1,
      waits: [20, 0.01, 20],
      asked: [19.95, 19.98],
    },
  ] as const;
  let traced = "";

  beforeAll(() => {
    const script = `
      import { writeFileSync } from "node:fs";
      import { GENERATION_SHIFT } from "${import.meta.dir}/../src/abi.ts";
      import { READ } from "${import.meta.dir}/../src/events.ts";
      import { pipe } from "${import.meta.dir}/../src/io.ts";
      import { Poller } from "${import.meta.dir}/../src/poller.ts";
      import { dup2 } from "${import.meta.dir}/support-libc.ts";
      const [reader] = pipe();
      const setSlack = (ns) => writeFileSync("/proc/self/timerslack_ns", String(ns));
      for (const [index, { made, later = made, waits }] of ${JSON.stringify(CASES)}.entries()) {
        setSlack(made);
        const poller = new Poller(16, 0);
        setSlack(later);
        poller.add(dup2(reader, ${FIRST_FD} + index), (1 << GENERATION_SHIFT) | READ);
        for (const wait of waits) poller.wait(wait);
        poller.close();
      }
    `;
    traced = systemCallsOf(script, ["epoll_ctl", "epoll_pwait2"], NANOSECONDS);
  }, 25_000);

  for (const [index, { name, asked }] of CASES.entries()) {
    test(name, () => {
      const [, ours = ""] = traced.split(`EPOLL_CTL_ADD, ${FIRST_FD + index},`);
      const [first = ""] = ours.split("EPOLL_CTL_ADD,");
      const waits = [...first.matchAll(/epoll_pwait2\(.*?\{tv_sec=(\d+), tv_nsec=(\d+)\}/g)];
      const ms = waits.map(([, s, ns]) => Number(s) * 1000 + Number(ns) / MS_NS);
      expect(ms).toEqual([...asked]);
    });
  }
});
