// Has the kernel refuse what a hosted loop takes: at its begin, when it falls asleep, and when it is woken.
import { writeSync } from "node:fs";
import { type IOLoop, READ } from "../../src/index.ts";
import { drain, Fds, openFds, testLoop } from "../support.ts";
import {
  described,
  Faults,
  hasRing,
  type Outcome,
  playScenarios,
  type Scenario,
} from "../support-faults.ts";
import { runHosted, type Way } from "../support-hosted.ts";

const BYTES = 3;

const scenarios: Record<string, Scenario> = {};

/** Bytes that come one by one while the loop sleeps, and a timer behind them; what has come of it. */
class Service {
  bytes = 0;
  timers = 0;
  ring = false;
  readonly #loop: IOLoop;
  readonly #writer: number;

  constructor(loop: IOLoop, fds: Fds) {
    this.#loop = loop;
    const [reader, writer] = fds.pipe();
    this.#writer = writer;
    loop.addHandler(reader, READ, () => {
      this.ring ||= hasRing();
      this.bytes += drain(reader).length;
      if (this.bytes < BYTES) this.send();
      else this.#addTimer();
    });
  }

  get figures(): Outcome {
    return { bytes: this.bytes, timers: this.timers };
  }

  /** By a timer of Bun's, which never comes within a turn, and not by a call that a fault may be about. */
  send(): void {
    setTimeout(() => writeSync(this.#writer, "x"), 5);
  }

  #addTimer(): void {
    this.#loop.callLater(5, () => {
      this.timers++;
      this.#loop.stop();
    });
  }
}

async function errorOfRun(loop: IOLoop, way: Way = "kernel"): Promise<unknown> {
  try {
    await runHosted(loop, way);
  } catch (error) {
    return described(error, loop);
  }
  return "none";
}

/** Under the faults of its begin; then it is run again, where that was refused. */
function begun(faults: readonly string[]): Scenario {
  return async () => {
    using loop = testLoop();
    using fds = new Fds();
    const service = new Service(loop, fds);
    service.send();
    const injected = new Faults(faults);
    const before = openFds();
    const outcome = errorOfRun(loop);
    const left = openFds() - before;
    injected[Symbol.dispose]();
    const error = await outcome;
    const running = loop.running();
    const refused = error !== "none";
    const again = refused ? await errorOfRun(loop) : "not needed";
    const { hits } = injected;
    // A run that goes on has its fds, and may have a ring.
    const had = refused ? { left } : { ring: service.ring };
    return { error, hits, running, again, ...had, ...service.figures };
  };
}

const NO_THREAD = ["?clone3:error=EAGAIN", "clone:error=EAGAIN"];

for (const fault of [
  "epoll_create1:error=EMFILE:when=1",
  "timerfd_create:error=ENFILE:when=1",
  "epoll_ctl:error=ENOSPC:when=1",
  "epoll_ctl:error=ENOMEM:when=2",
  "socketpair:error=EMFILE:when=1",
  "socketpair:error=ENFILE:when=1",
  "io_uring_setup:error=ENOSYS:when=1",
  "io_uring_setup:error=EPERM:when=1",
  "io_uring_setup:error=ENOMEM:when=1",
]) {
  scenarios[`begin ${fault}`] = begun([fault]);
}
scenarios["begin without a thread"] = begun(["io_uring_setup:error=ENOSYS:when=1", ...NO_THREAD]);
scenarios["begin without a thread or room to say so"] = begun([
  "io_uring_setup:error=ENOSYS:when=1",
  ...NO_THREAD,
  "sendto:error=ENOBUFS:when=1",
]);
// The third registration is Bun's own, of its end of the bridge.
scenarios["begin without Bun"] = begun(["epoll_ctl:error=ENOSPC:when=3"]);

/** Whether the kernel watches at all here. */
scenarios["undisturbed"] = begun([]);

/** Under faults that begin before it first falls asleep. */
function asleep(faults: readonly string[], way: Way, threads = false): Scenario {
  return async () => {
    using loop = testLoop();
    using fds = new Fds();
    const service = new Service(loop, fds);
    let injected: Faults | undefined;
    loop.addCallback(() => {
      injected = new Faults(faults, { threads });
      // Nothing before it has fallen asleep: Bun's own calls would be hit.
      service.send();
    });
    const error = await errorOfRun(loop, way);
    injected?.[Symbol.dispose]();
    const running = loop.running();
    const again = error === "none" ? "not needed" : await errorOfRun(loop);
    return { error, hits: injected?.hits, running, again, ...service.figures };
  };
}

for (const code of ["EAGAIN", "EBUSY"]) {
  for (const when of [1, 2]) {
    const fault = `io_uring_enter:error=${code}:when=${when}`;
    scenarios[`asleep ${fault}`] = asleep([fault], "kernel");
  }
}
scenarios["asleep without a thread"] = asleep(
  ["io_uring_enter:error=EAGAIN:when=1", ...NO_THREAD],
  "kernel",
);
for (const way of ["kernel", "thread"] as const) {
  for (const fault of ["epoll_ctl:error=ENOMEM:when=1", "epoll_pwait:error=EINTR:when=1..3"]) {
    scenarios[`asleep ${fault} ${way}`] = asleep([fault], way);
  }
}
scenarios["told EINTR"] = asleep(["sendto:error=EINTR:when=1..3"], "thread", true);
scenarios["told ENOBUFS"] = asleep(["sendto:error=ENOBUFS:when=1..3"], "thread", true);

await playScenarios(scenarios);
