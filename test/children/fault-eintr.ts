// Lets EINTR end waits in patterns drawn from a seed, while tokens, timers, wakes and bytes of another process go
// through the loop, and counts what is lost, comes twice or comes early.
import { EDGE, type IOLoop, ONESHOT, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { drain, Fds, ignore, poke, runUntilTrue, testLoop } from "../support.ts";
import { Faults, playScenarios, type Scenario, WAITS } from "../support-faults.ts";
import { MODES, runIn } from "../support-modes.ts";
import { pseudoRandom } from "../support-random.ts";
import { seedOfRun } from "../support-seed.ts";

const GUARD_MS = 4000;
const HOPS = 60;
const BYTES = 4;
const WOKEN = 5;
const BEATS = 5;
const DELAYS_MS = [7.5, 0.2, 3, 3, 12, 1, 9];
const MASKS = [READ, READ | EDGE, READ | ONESHOT, READ | EDGE | ONESHOT];

const seed = seedOfRun();
const random = pseudoRandom(seed);

/** Which waits end, as strace's `when=` says it: never all of them. */
const PATTERNS: Readonly<Record<string, string>> = {
  "the first ones": `1..${5 + random(30)}`,
  "every second one": `${1 + random(2)}+2`,
  "some of them": `${1 + random(4)}+${3 + random(4)}`,
};

/** What goes through a loop, and its count. */
class Traffic {
  hops = 0;
  /** Handlers that found nothing, or more than was sent. */
  wrong = 0;
  bytes = 0;
  woken = 0;
  beats = 0;
  early = 0;
  timers = 0;
  /** Timers that came before one that was due earlier. */
  disorder = 0;
  readonly #loop: IOLoop;
  readonly #done = Promise.withResolvers<void>();

  constructor(loop: IOLoop, fds: Fds) {
    this.#loop = loop;
    this.#addTokens(fds);
    this.#addBytes(fds);
    this.#addTimers();
    const waker = loop.waker(() => {
      if (++this.woken === WOKEN) waker.close();
      else waker.wake();
      this.#look();
    });
    waker.wake();
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  get isDone(): boolean {
    const { hops, bytes, woken, beats, timers } = this;
    return (
      hops === HOPS &&
      bytes === BYTES &&
      woken === WOKEN &&
      beats === BEATS &&
      timers === DELAYS_MS.length
    );
  }

  #addTokens(fds: Fds): void {
    const pipes = MASKS.map(() => fds.pipe());
    for (const [index, mask] of MASKS.entries()) {
      const [reader] = pipes[index] as [number, number];
      const [, next] = pipes[(index + 1) % pipes.length] as [number, number];
      this.#loop.addHandler(reader, mask, () => {
        if (drain(reader) !== "x") this.wrong++;
        if ((mask & ONESHOT) !== 0) this.#loop.updateHandler(reader, mask);
        if (++this.hops < HOPS) poke(next);
        this.#look();
      });
    }
    poke(pipes[0]?.[1] ?? -1);
  }

  /** From another process, while the loop waits. */
  #addBytes(fds: Fds): void {
    const [reader, writer] = fds.pipe();
    const script = "for i in 1 2 3 4; do sleep 0.004; printf x; done";
    Bun.spawn(["sh", "-c", script], { stdio: ["ignore", writer, "inherit"] });
    fds.close(writer);
    const buffer = new Uint8Array(8);
    this.#loop.addHandler(reader, READ, () => {
      const count = io.read(reader, buffer);
      if (count < 0) this.wrong++;
      else if (count === 0) this.#loop.removeHandler(reader);
      this.bytes += Math.max(count, 0);
      this.#look();
    });
  }

  #addTimers(): void {
    const loop = this.#loop;
    const began = loop.time();
    let latest = 0;
    let added = 0;
    for (const delay of DELAYS_MS) {
      const due = began + delay;
      loop.callAt(due, () => {
        this.timers++;
        if (loop.time() < due) this.early++;
        // What was past when it was added is due from then on.
        if (due < latest && due > added) this.disorder++;
        latest = Math.max(latest, due);
        this.#look();
      });
    }
    added = loop.time();
    const interval = loop.setInterval(2, () => {
      if (loop.time() < began + 2 * ++this.beats) this.early++;
      if (this.beats === BEATS) loop.clearInterval(interval);
      this.#look();
    });
  }

  #look(): void {
    if (!this.isDone) return;
    this.#done.resolve();
    this.#loop.stop();
  }
}

const RUNS: Readonly<Record<string, (loop: IOLoop, traffic: Traffic) => unknown>> = {
  ...Object.fromEntries(MODES.map((mode) => [mode, (loop: IOLoop) => runIn(mode, loop, GUARD_MS)])),
  "runOnce()": (loop, traffic) => runUntilTrue(loop, () => traffic.isDone, GUARD_MS),
  "runUntil()": (loop, traffic) => loop.runUntil(traffic.done, { timeout: GUARD_MS }),
};

const scenarios: Record<string, Scenario> = {};
for (const [pattern, when] of Object.entries(PATTERNS)) {
  for (const [mode, runs] of Object.entries(RUNS)) {
    for (const spin of mode === "start()" ? [0, 300] : [0]) {
      scenarios[`${mode}, spin ${spin}, ${pattern}`] = async () => {
        using loop = testLoop({ spin });
        using fds = new Fds();
        const fault = `${WAITS}:error=EINTR:when=${when}`;
        const faults = new Faults([fault]);
        let traffic: Traffic;
        try {
          traffic = new Traffic(loop, fds);
          await runs(loop, traffic);
        } finally {
          faults[Symbol.dispose]();
        }
        const { hops, wrong, bytes, woken, beats, timers, disorder, early } = traffic;
        const interrupted = faults.hits > 0;
        return {
          seed,
          fault,
          interrupted,
          hops,
          wrong,
          bytes,
          woken,
          beats,
          timers,
          disorder,
          early,
        };
      };
    }
  }
}

/** Waits of a known length, all of whose beginnings are interrupted. */
scenarios["waits"] = () => {
  using loop = testLoop();
  using limited = testLoop({ maxWait: 20 });
  using fds = new Fds();
  loop.addHandler(fds.pipe()[0], READ, ignore);
  const times: Readonly<Record<string, readonly [number, () => unknown]>> = {
    runOnce: [25, () => loop.runOnce(25)],
    "a part of a millisecond": [0.3, () => loop.runOnce(0.3)],
    start: [
      15,
      () => {
        loop.callLater(15, () => loop.stop());
        loop.start();
      },
    ],
    runUntil: [15, () => loop.runUntil(() => loop.sleep(15))],
    maxWait: [20, () => limited.runOnce(1000)],
  };
  const early: string[] = [];
  using faults = new Faults([`${WAITS}:error=EINTR:when=1+2`]);
  for (const [name, [least, wait]] of Object.entries(times)) {
    const began = performance.now();
    wait();
    if (performance.now() - began < least) early.push(name);
  }
  faults[Symbol.dispose]();
  return { early, interrupted: faults.hits > 0 };
};

await playScenarios(scenarios);
