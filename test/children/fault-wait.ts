// Has waits fail with what no signal explains, and epoll_pwait2 be missing from the first or from a later moment on.
import { coreOf } from "../../src/basic-loop.ts";
import { type IOLoop, READ } from "../../src/index.ts";
import { drain, Fds, ignore, poke, run, testLoop } from "../support.ts";
import {
  described,
  errorOf,
  Faults,
  type Outcome,
  playScenarios,
  type Scenario,
  under,
  WAITS,
} from "../support-faults.ts";
import { runIn } from "../support-modes.ts";

const scenarios: Record<string, Scenario> = {};

/** Each fails in the very wait that follows a callback. */
const RUNS: Readonly<Record<string, (loop: IOLoop) => unknown>> = {
  "start()": (loop) => runIn("start()", loop),
  "run()": (loop) => runIn("run()", loop),
  "runOnce()": (loop) => loop.runOnce(1000),
  "runUntil()": (loop) => loop.runUntil(() => loop.sleep(1000)),
};

for (const code of ["EBADF", "EINVAL", "EFAULT", "ENOMEM"]) {
  for (const [name, runs] of Object.entries(RUNS)) {
    scenarios[`${name} ${code}`] = () => failedWait(runs, code);
  }
}

async function failedWait(runs: (loop: IOLoop) => unknown, code: string): Promise<Outcome> {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const seen: string[] = [];
  loop.addHandler(reader, READ, () => {
    seen.push(drain(reader));
    loop.stop();
  });
  poke(writer, "event");
  let faults: Faults | undefined;
  loop.addCallback(() => {
    faults = new Faults([`${WAITS}:error=${code}:when=1`]);
  });
  let error: unknown = "none";
  try {
    await runs(loop);
  } catch (thrown) {
    error = described(thrown, loop);
  }
  faults?.[Symbol.dispose]();
  const before = seen.length;
  const running = loop.running();
  await runIn("start()", loop);
  return { error, hits: faults?.hits, running, before, seen };
}

scenarios["awaited"] = async () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const outcomes: unknown[] = [];
  const note = (outcome: unknown): void => {
    outcomes.push(outcome);
    if (outcomes.length === 2) loop.stop();
  };
  poke(writer);
  let faults: Faults | undefined;
  loop.addCallback(() => {
    faults = new Faults([`${WAITS}:error=ENOMEM:when=1`]);
    loop.readable(reader).then(note, note);
    loop.sleep(1).then(() => note("slept"), note);
  });
  const error = errorOf(() => loop.start(), loop);
  faults?.[Symbol.dispose]();
  const before = outcomes.length;
  await runIn("start()", loop);
  return {
    threw: error !== "none",
    hits: faults?.hits,
    before,
    outcomes: outcomes.map(String).toSorted(),
  };
};

scenarios["closed after"] = () => {
  const loop = testLoop();
  const { result } = under([`${WAITS}:error=EBADF`], () => errorOf(() => loop.start(), loop));
  loop.close();
  return { threw: result !== "none", closed: loop.closed };
};

/** What `attempt` returns, or what it throws. */
function resultOf(attempt: () => unknown, loop: IOLoop): unknown {
  let result: unknown;
  const error = errorOf(() => {
    result = attempt();
  }, loop);
  return error === "none" ? result : error;
}

/** Of a loop that has nothing else to end its waits. */
const MAX_WAIT_MS = 20;
/** Waits of which a clock in whole milliseconds could cut something off. */
const EVENTS = 20;
const WAITS_MS = [0.2, 1, 1.3, 2.7, 5.01];

for (const code of ["ENOSYS", "EPERM"]) {
  scenarios[`missing ${code}`] = () => {
    using fds = new Fds();
    const faults = new Faults([`?epoll_pwait2:error=${code}`]);
    try {
      using loop = testLoop();
      const early = WAITS_MS.filter((ms) => {
        const began = performance.now();
        loop.runOnce(ms);
        return performance.now() - began < ms;
      });
      const earlyTimers: number[] = [];
      let left = WAITS_MS.length + EVENTS;
      const count = (): void => {
        if (--left === 0) loop.stop();
      };
      const began = loop.time();
      for (const ms of WAITS_MS) {
        loop.callAt(began + ms, () => {
          if (loop.time() < began + ms) earlyTimers.push(ms);
          count();
        });
      }
      const [reader, writer] = fds.pipe();
      let events = 0;
      loop.addHandler(reader, READ, () => {
        if (drain(reader) === "x" && ++events < EVENTS) poke(writer);
        count();
      });
      poke(writer);
      run(loop);
      const { coarse } = coreOf(loop).poller;
      faults[Symbol.dispose]();
      return { coarse, early, earlyTimers, events, hits: faults.hits };
    } finally {
      faults[Symbol.dispose]();
    }
  };

  scenarios[`missing later ${code}`] = () => {
    using loop = testLoop({ maxWait: MAX_WAIT_MS });
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const seen: string[] = [];
    loop.addHandler(reader, READ, () => seen.push(drain(reader)));
    const { coarse } = coreOf(loop).poller;
    // Without an end of its own, a wait is one on the slowest machine as well.
    const wait = (): unknown => loop.runOnce(Number.POSITIVE_INFINITY);
    const lasts = (): boolean => {
      const began = performance.now();
      wait();
      return performance.now() - began >= MAX_WAIT_MS;
    };
    const { result, hits } = under([`?epoll_pwait2:error=${code}`], () => ({
      waits: [0, 1].map(() => resultOf(lasts, loop)),
      // What does not wait makes do without it.
      polled: errorOf(() => loop.runOnce(0)),
    }));
    poke(writer, "event");
    wait();
    return { coarse, ...result, hits, seen };
  };
}

scenarios["interrupted probe"] = () => {
  const { result, hits } = under(["?epoll_pwait2:error=EINTR:when=1"], () => {
    using loop = testLoop();
    loop.addCallback(ignore);
    loop.runOnce(0);
    const began = performance.now();
    loop.runOnce(1.5);
    return performance.now() - began >= 1.5;
  });
  return { lasted: result, hits };
};

await playScenarios(scenarios);
