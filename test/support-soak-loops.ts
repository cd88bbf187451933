import { IOLoop, IOLoopError, READ, wake } from "../src/index.ts";
import * as io from "../src/io.ts";
import { ignore, poke } from "./support.ts";
import { canSleep, runWoken } from "./support-hosted.ts";
import { type Churn, Planned, type Soak, turnOfBun } from "./support-soak-context.ts";

const HOSTED_LANES = 3;
const OWNED_AT_ONCE = 2;
const UNUSED_AT_ONCE = 16;
const PAUSE_MOST_MS = 4;
const FOREVER_MS = 60_000;

const HOSTED_ENDS = [
  "stop",
  "close",
  "throw",
  "close later",
  "close between turns",
  "close at once",
  "wake",
] as const;
const OWNED_ENDS = ["stop", "close", "throw", "wake", "runUntil", "runOnce"] as const;
type End = (typeof HOSTED_ENDS)[number] | (typeof OWNED_ENDS)[number];

/** Loops that are made, run in every way, ended in every way, and closed with all that they still have. */
export class Loops implements Churn {
  readonly name = "loops";

  async lap(soak: Soak): Promise<void> {
    const lane = async (round: (soak: Soak) => Promise<void>): Promise<void> => {
      while (!soak.over) {
        soak.totals.loops++;
        await soak.expect(round(soak), "a loop's end");
        await soak.loop.sleep(soak.pick(PAUSE_MOST_MS));
      }
    };
    const lanes = Array.from({ length: HOSTED_LANES }, () => lane(runHosted));
    // A queue that can be watched is what a hosted loop sleeps on.
    if (canSleep) lanes.push(lane(runWithin));
    await Promise.all(lanes);
  }

  between(soak: Soak): void {
    if (soak.over) return;
    for (let count = 0; count < OWNED_AT_ONCE; count++) {
      soak.totals.loops++;
      runOwned(soak);
    }
    for (let count = 0; count < UNUSED_AT_ONCE; count++) {
      soak.totals.loops++;
      new IOLoop().close();
    }
  }
}

/** A loop with something of every kind, one handler of which ends its run. */
class Subject implements Disposable {
  readonly loop: IOLoop;
  readonly end: End;
  readonly #soak: Soak;
  readonly #fds: readonly number[];
  readonly #pending: Promise<unknown>[];
  readonly planned = new Planned(true);
  calls = 0;

  constructor(soak: Soak, end: End) {
    this.#soak = soak;
    this.end = end;
    const onError = (error: unknown): void => {
      throw error;
    };
    const loop = new IOLoop({ onError, spin: soak.chance(4) ? 20 : 0 });
    this.loop = loop;
    const [reader, writer] = io.pipe();
    const [quiet, other] = io.pipe();
    this.#fds = [reader, writer, quiet, other];
    const { id } = loop.waker(() => loop.stop());
    loop.addHandler(reader, READ, () => {
      this.calls++;
      this.#finish(reader, id);
    });
    loop.setInterval(1, ignore);
    loop.callLater(FOREVER_MS, ignore);
    if (soak.chance(8)) loop.addSignalHandler("SIGWINCH", ignore);
    if (soak.chance(8)) loop.addChildHandler(process.pid, ignore);
    // What is still awaited at the end hears of it.
    this.#pending = [loop.sleep(FOREVER_MS), loop.readable(quiet)].map((promise) =>
      promise.catch((error: unknown) => error),
    );
    poke(writer);
  }

  /** Closes the loop, and sees whether everything was told. */
  async settle(): Promise<void> {
    this.loop.close();
    this.#soak.check(!this.loop.running(), () => `a loop that ended by ${this.end} goes on`);
    for (const reason of await Promise.all(this.#pending)) {
      const closed = reason instanceof IOLoopError && reason.code === "ERR_LOOP_CLOSED";
      this.#soak.check(closed, () => `what a closed loop was to tell rejected with ${reason}`);
    }
  }

  [Symbol.dispose](): void {
    this.loop.close();
    for (const fd of this.#fds) io.close(fd);
  }

  #finish(reader: number, waker: number): void {
    const { loop, end } = this;
    if (end === "throw") throw this.planned;
    loop.removeHandler(reader);
    if (end === "stop") loop.stop();
    if (end === "close") loop.close();
    if (end === "close later") loop.callLater(0.5, () => loop.close());
    if (end === "close between turns") setImmediate(() => loop.close());
    if (end === "wake") wake(waker);
  }
}

/** Hosted by Bun's loop, beside the one that lasts. */
async function runHosted(soak: Soak): Promise<void> {
  await turnOfBun();
  const end = HOSTED_ENDS[soak.pick(HOSTED_ENDS.length)] ?? "stop";
  using subject = new Subject(soak, end);
  const { loop, planned } = subject;
  const ended = runWoken(loop, soak.chance(2) ? "kernel" : "thread");
  if (end === "close at once") loop.close();
  const failure = await ended.catch((error: unknown) => error);
  const expected = end === "throw" ? planned : undefined;
  soak.check(failure === expected, () => `a run that ended by ${end} ended with ${failure}`);
  const calls = end === "close at once" ? 0 : 1;
  soak.check(subject.calls === calls, () => `${subject.calls} calls before the end by ${end}`);
  await subject.settle();
}

/** Within a handler of the loop that lasts, which watches it by its fd. */
async function runWithin(soak: Soak): Promise<void> {
  using subject = new Subject(soak, "stop");
  const { loop } = subject;
  const { promise, resolve } = Promise.withResolvers<void>();
  soak.loop.addHandler(loop, READ, () => {
    loop.runOnce(0);
    soak.loop.removeHandler(loop);
    resolve();
  });
  await promise;
  soak.check(subject.calls === 1, () => `${subject.calls} calls within another loop`);
  await subject.settle();
}

/** While nothing else runs on the thread. */
function runOwned(soak: Soak): void {
  const end = OWNED_ENDS[soak.pick(OWNED_ENDS.length)] ?? "stop";
  using subject = new Subject(soak, end);
  const { loop, planned } = subject;
  let failure: unknown;
  let result: number | undefined;
  try {
    if (end === "runOnce") loop.runOnce(FOREVER_MS);
    else if (end === "runUntil") result = loop.runUntil(() => loop.sleep(1).then(() => 7));
    else loop.start();
  } catch (error) {
    failure = error;
  }
  soak.check(
    failure === (end === "throw" ? planned : undefined),
    () => `start() that ended by ${end} ended with ${failure}`,
  );
  soak.check(end !== "runUntil" || result === 7, () => `runUntil returned ${result}`);
  // On a slow machine the work of runUntil has settled before there was a wait.
  const due = subject.calls === 1 || (end === "runUntil" && subject.calls === 0);
  soak.check(due, () => `${subject.calls} calls before the end by ${end}`);
}
