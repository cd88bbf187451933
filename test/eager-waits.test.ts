import { beforeAll, describe, expect, spyOn, test } from "bun:test";
import { GENERATION_SHIFT } from "../src/abi.ts";
import { EINTR } from "../src/errors.ts";
import { READ } from "../src/events.ts";
import { native } from "../src/native.ts";
import { INTERRUPTED, Poller } from "../src/poller.ts";
import { wake } from "../src/wakers.ts";
import { openGate } from "./children/worker-gate.ts";
import { drain, Fds, poke, withTimeoutMode } from "./support.ts";
import { openWaker, startWorkers, takeWake, testPoller, timed } from "./support-system.ts";
import { NANOSECONDS, systemCallsOf, whyCoarse, whyUntraceable } from "./support-trace.ts";

/** A wait that something must end. Half of it is far more than a busy machine needs to notice. */
const LONG_MS = 3000;
/** A registration of the first generation, without its events. */
const FIRST_WORD = 1 << GENERATION_SHIFT;
/** As many waits that find one event as it takes to guess again, and more. */
const MANY_WAITS = 40;

/** Pipes of which all become ready at once, so that a poller expects the same of its next wait. */
class Batch implements Disposable {
  readonly #fds = new Fds();
  readonly #pipes: (readonly [reader: number, writer: number])[];

  constructor(poller: Poller, size: number) {
    this.#pipes = Array.from({ length: size }, () => this.#fds.pipe());
    for (const [reader] of this.#pipes) expect(poller.add(reader, FIRST_WORD | READ)).toBe(0);
  }

  /** Has one wait find them all; nothing is ready afterwards. */
  waitWith(poller: Poller): void {
    for (const [, writer] of this.#pipes) poke(writer);
    expect(poller.wait(LONG_MS)).toBe(this.#pipes.length);
    for (const [reader] of this.#pipes) drain(reader);
  }

  [Symbol.dispose](): void {
    this.#fds[Symbol.dispose]();
  }
}

/** What makes a poller expect events of its next wait. */
const HABITS: readonly (readonly [what: string, size: number, waits: number])[] = [
  ["a batch of three", 3, 1],
  ["many batches of three", 3, MANY_WAITS],
  ["many waits that found one event", 1, MANY_WAITS],
];

describe.each(HABITS)("after %s that has been drained,", (_what, size, waits) => {
  function accustom(poller: Poller, batch: Batch): void {
    for (let count = 0; count < waits; count++) batch.waitWith(poller);
  }

  test.each([0, 200])("with spin %d, a wait sleeps its whole time and finds nothing", (spinUs) => {
    using poller = testPoller({ spinUs });
    using batch = new Batch(poller, size);
    accustom(poller, batch);
    for (const ms of [20, 20]) {
      let count = -1;
      const waited = timed(() => {
        count = poller.wait(ms);
      });
      expect(count).toBe(0);
      expect(waited).toBeGreaterThanOrEqual(ms);
    }
  });

  test("a wake from before ends one wait at once, and the next one sleeps", () => {
    using poller = testPoller();
    using batch = new Batch(poller, size);
    const id = openWaker(poller);
    accustom(poller, batch);
    expect(wake(id)).toBeTrue();
    expect(timed(() => expect(poller.wait(LONG_MS)).toBe(0))).toBeLessThan(LONG_MS / 2);
    expect(poller.woken).toBeTrue();
    takeWake(id);
    expect(timed(() => expect(poller.wait(20)).toBe(0))).toBeGreaterThanOrEqual(20);
    expect(poller.woken).toBeFalse();
  });

  test("a wake from a Worker ends a wait that sleeps", async () => {
    using poller = testPoller();
    using batch = new Batch(poller, size);
    const cells = new Int32Array(new SharedArrayBuffer(8));
    const data = { cells, id: openWaker(poller), wakes: 1, delayMs: 30 };
    await using _workers = await startWorkers(1, "waker.ts", data);
    accustom(poller, batch);
    openGate(cells);
    expect(timed(() => expect(poller.wait(LONG_MS)).toBe(0))).toBeLessThan(LONG_MS / 2);
    expect(poller.woken).toBeTrue();
  });

  test("what becomes ready again is found by the next wait", () => {
    using poller = testPoller();
    using batch = new Batch(poller, size);
    accustom(poller, batch);
    expect(poller.wait(1)).toBe(0);
    expect(timed(() => batch.waitWith(poller))).toBeLessThan(LONG_MS / 2);
  });
});

test.each([
  ["ns", 0.3],
  ["ms", 0.3],
  ["ns", 2.1],
  ["ms", 2.1],
] as const)("between busy batches, in %s, no wait of %d ms is early", (mode, ms) => {
  using poller = withTimeoutMode(mode, testPoller);
  using batch = new Batch(poller, 4);
  let early = 0;
  for (let round = 0; round < 50; round++) {
    batch.waitWith(poller);
    batch.waitWith(poller);
    if (timed(() => expect(poller.wait(ms)).toBe(0)) < ms) early++;
  }
  expect(early).toBe(0);
});

describe("of the native waits", () => {
  /** The timeouts that `action` asks them with, in milliseconds. */
  function asked(action: () => void): number[] {
    using spy = spyOn(native(), "ioloop_wait");
    action();
    return spy.mock.calls.map(([, , , timeoutNs]) => timeoutNs / 1e6);
  }

  test("one does not sleep after a batch, and where it finds nothing the next one does", () => {
    using poller = testPoller();
    using batch = new Batch(poller, 2);
    batch.waitWith(poller);
    expect(asked(() => batch.waitWith(poller))).toEqual([0]);
    expect(asked(() => poller.wait(5)).slice(0, 2)).toEqual([0, 5]);
    expect(asked(() => poller.wait(5))[0]).toBe(5);
  });

  test("few do not sleep where each finds one event, which has to be waited for", () => {
    using poller = testPoller();
    using batch = new Batch(poller, 1);
    let guesses = 0;
    for (let round = 0; round < MANY_WAITS; round++) {
      batch.waitWith(poller);
      if (asked(() => poller.wait(0.1))[0] === 0) guesses++;
    }
    expect(guesses).toBeWithin(1, MANY_WAITS / 4);
  });

  test("a signal ends the one that does not sleep, is told, and the next wait is whole", () => {
    // Not one that waits on by itself.
    const poller = new Poller(64, 0);
    try {
      using batch = new Batch(poller, 3);
      batch.waitWith(poller);
      {
        using spy = spyOn(native(), "ioloop_wait").mockImplementationOnce(() => -EINTR);
        expect(poller.wait(LONG_MS)).toBe(INTERRUPTED);
        expect(spy).toHaveBeenCalledTimes(1);
      }
      const end = performance.now() + 20;
      let count = INTERRUPTED;
      while (count === INTERRUPTED) count = poller.wait(Math.max(end - performance.now(), 0));
      expect(count).toBe(0);
      expect(performance.now()).toBeGreaterThanOrEqual(end);
    } finally {
      poller.close();
    }
  });
});

const reason = whyUntraceable() ?? whyCoarse();
if (reason !== undefined) console.warn(`waits that sleep are not counted: ${reason}`);

describe.skipIf(reason !== undefined)("the kernel is asked for a wait that may sleep", () => {
  const FIRST_FD = 700;
  const BATCHES = 500;
  const CASES = [
    {
      name: "hardly ever by a loop whose fds are always ready",
      // Two ends of a pair that can always be written to.
      script: "always(2, 3600)",
      sleeping: [0, 2],
      asking: [BATCHES - 2, BATCHES],
    },
    {
      name: "once for each batch, and never with an end, by a loop without timers",
      script: "always(2, undefined)",
      // What probes, when a queue is made, for a wait with nanoseconds.
      sleeping: [1, 1],
      asking: [BATCHES, BATCHES],
    },
    {
      name: "only until it has guessed, by a loop whose one fd is always ready",
      script: "always(1, 3600)",
      sleeping: [1, 17],
      asking: [BATCHES - 17, BATCHES],
    },
    {
      name: "at each beat by a loop that finds its fds drained, after one that does not",
      script: "beats(50)",
      sleeping: [50, 150],
      asking: [1, 150],
    },
  ] as const;
  let traced = "";

  beforeAll(() => {
    if (reason !== undefined) return;
    const script = `
      import { IOLoop, READ, WRITE } from ${JSON.stringify(`${import.meta.dir}/../src/index.ts`)};
      import { pipe, read, socketpair, write } from ${JSON.stringify(`${import.meta.dir}/../src/io.ts`)};
      import { dup2 } from ${JSON.stringify(`${import.meta.dir}/support-libc.ts`)};
      let number = ${FIRST_FD};
      const buffer = new Uint8Array(8);
      function always(count, maxWait) {
        const loop = new IOLoop({ maxWait });
        const [a, b] = socketpair();
        let calls = 0;
        const handler = () => { if (++calls === ${BATCHES} * count) loop.stop(); };
        loop.addHandler(dup2(a, number), WRITE, handler);
        if (count === 2) loop.addHandler(b, WRITE, handler);
        loop.start();
      }
      function beats(count) {
        const loop = new IOLoop();
        const pipes = [pipe(), pipe()];
        pipes[0][0] = dup2(pipes[0][0], number);
        for (const [reader] of pipes) loop.addHandler(reader, READ, () => read(reader, buffer));
        const beat = () => {
          if (count-- === 0) return loop.stop();
          for (const [, writer] of pipes) write(writer, buffer);
          loop.callLater(1, beat);
        };
        beat();
        loop.start();
      }
      ${CASES.map((one, index) => `number = ${FIRST_FD + index}; ${one.script};`).join("\n")}
    `;
    traced = systemCallsOf(script, ["epoll_ctl", "epoll_pwait", "epoll_pwait2"], NANOSECONDS);
  }, 25_000);

  for (const [index, { name, sleeping, asking }] of CASES.entries()) {
    test(name, () => {
      const added = new RegExp(`epoll_ctl\\((\\d+), EPOLL_CTL_ADD, ${FIRST_FD + index},`);
      const queue = added.exec(traced)?.[1];
      expect(queue).toBeDefined();
      const count = (call: string): number => traced.split(`${call}(${queue}, `).length - 1;
      expect(count("epoll_pwait2")).toBeWithin(sleeping[0], sleeping[1] + 1);
      expect(count("epoll_pwait")).toBeWithin(asking[0], asking[1] + 1);
    });
  }
});
