import { describe, expect, test } from "bun:test";
import { type IOLoop, WRITE } from "../src/index.ts";
import { Fds, run, testLoop } from "./support.ts";
import { busy } from "./support-clock.ts";
import { addReady, runHosted, WAYS } from "./support-hosted.ts";
import { pseudoRandom } from "./support-random.ts";
import { addCall } from "./support-sources.ts";

const KINDS = ["timeout", "callback", "handler", "microtask"] as const;
const STEPS = ["timeout", "interval", "callback", "handler"] as const;
/** How many calls of each kind a schedule has at least. */
const FEW = 15;
type Step = (typeof STEPS)[number];

/** Has a call come in that step of the pass that is next, or goes on. */
function addTo(step: Step, loop: IOLoop, fds: Fds, call: () => void): void {
  addCall(loop, fds, step, call);
  // Its beat is due when the step comes.
  if (step === "interval") busy(1);
}

/** Adds a tree of calls that add calls, the same for the same seed; the last one stops the loop. */
function plant(loop: IOLoop, fds: Fds, seed: number): string[] {
  const random = pseudoRandom(seed);
  const log: string[] = [];
  let budget = 120;
  let pending = 0;
  const grow = (most: number): void => {
    for (let count = random(most) + 1; count > 0 && budget > 0; count--) {
      const kind = KINDS[random(KINDS.length)] ?? "callback";
      const name = `${kind} ${budget--}`;
      pending++;
      addCall(loop, fds, kind, () => {
        log.push(name);
        grow(4);
        if (--pending === 0) loop.stop();
      });
    }
  };
  grow(12);
  return log;
}

describe.each(WAYS)("a hosted loop, %s,", (_name, way) => {
  test("runs timeouts, intervals, callbacks and handlers in that order", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const order: string[] = [];
    for (const step of STEPS.toReversed()) {
      addTo(step, loop, fds, () => {
        order.push(step);
        if (step === "handler") loop.stop();
      });
    }
    await runHosted(loop, way);
    expect(order).toEqual([...STEPS]);
  });

  test.each([...STEPS])(
    "runs what a %s adds to a later step in this pass, and to its own or an earlier one in the next",
    async (source) => {
      using loop = testLoop();
      using fds = new Fds();
      const order: Step[] = [];
      addTo(source, loop, fds, () => {
        for (const step of STEPS) {
          addTo(step, loop, fds, () => {
            order.push(step);
            if (order.length === STEPS.length) loop.stop();
          });
        }
      });
      await runHosted(loop, way);
      const later = STEPS.indexOf(source) + 1;
      expect(order).toEqual([...STEPS.slice(later), ...STEPS.slice(0, later)]);
    },
  );

  test.each([1, 2, 3, 4, 5])("runs schedule %d in the same order as start() does", async (seed) => {
    const traces: string[][] = [];
    for (const hosted of [false, true]) {
      using loop = testLoop({ maxEvents: 3 });
      using fds = new Fds();
      const log = plant(loop, fds, seed);
      if (hosted) await runHosted(loop, way);
      else run(loop);
      traces.push(log);
    }
    for (const kind of KINDS) {
      const calls = traces[0]?.filter((name) => name.startsWith(kind)) ?? [];
      expect(calls.length).toBeGreaterThanOrEqual(FEW);
    }
    expect(traces[1]).toEqual(traces[0] ?? []);
  });

  test("drains microtasks and nextTick after each call, before the next one", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const log: string[] = [];
    const call = (): void => {
      log.push("call");
      queueMicrotask(() => log.push("later"));
      process.nextTick(() => log.push("later"));
      Promise.resolve().then(() => log.push("later"));
    };
    for (const step of STEPS) {
      for (let count = 0; count < 2; count++) addTo(step, loop, fds, call);
    }
    loop.callLater(2, () => loop.stop());
    await runHosted(loop, way);
    const each = ["call", "later", "later", "later"];
    expect(log).toEqual(Array.from({ length: 8 }, () => each).flat());
  });

  test("runs one batch at a turn: Bun's immediates come between any two of them", async () => {
    using loop = testLoop({ maxEvents: 4 });
    using fds = new Fds();
    const batches = [0];
    let calls = 0;
    let immediate = setImmediate(mark);
    function mark(): void {
      batches.push(0);
      immediate = setImmediate(mark);
    }
    addReady(loop, fds, 12, (_index, fd) => {
      batches[batches.length - 1] = (batches.at(-1) ?? 0) + 1;
      loop.removeHandler(fd);
      if (++calls === 12) loop.stop();
    });
    await runHosted(loop, way);
    clearImmediate(immediate);
    expect(batches.filter((size) => size > 0)).toEqual([4, 4, 4]);
  });

  test("lets callbacks that add themselves again starve neither its fds nor Bun", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const seen = new Set<string>();
    const note = (what: string): void => {
      seen.add(what);
      if (seen.size === 4) loop.stop();
    };
    const again = (): void => {
      loop.addCallback(again);
    };
    const againLater = (): void => {
      loop.callLater(0, againLater);
    };
    again();
    againLater();
    loop.addHandler(fds.pair()[0], WRITE, () => note("handler"));
    setTimeout(() => note("Bun's timeout"), 5);
    setImmediate(() => note("Bun's immediate"));
    loop.callLater(5, () => note("timeout"));
    await runHosted(loop, way);
    expect(seen.size).toBe(4);
  });
});
