// Raises signals of its own and counts who hears them: signal-handlers.ts <scenario> <mode>
import { constants } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type CallContext, READ } from "../../src/index.ts";
import { Fds, ignore, poke, testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn, stopAfter } from "../support-modes.ts";

const [, , scenario = "", modeName] = process.argv;
const mode = modeOf(modeName);
const { SIGUSR1, SIGUSR2 } = constants.signals;
/** Long enough for a call too many to show itself; a slow machine only makes it longer. */
const AFTER_MS = 60;

function raise(signal: NodeJS.Signals, times = 1): void {
  for (let count = 0; count < times; count++) process.kill(process.pid, signal);
}

type Figures = Record<string, number>;

const scenarios: Record<string, () => Promise<Figures>> = {
  async "by name and by number"() {
    using loop = testLoop();
    const plain: unknown[][] = [];
    const withArg: unknown[][] = [];
    const arg = { some: "thing" };
    loop.addSignalHandler("SIGUSR2", (...args) => plain.push(args));
    loop.addSignalHandler(SIGUSR1, (...args) => withArg.push(args), arg);
    loop.addCallback(() => raise("SIGUSR2"));
    loop.callLater(1, () => raise("SIGUSR1"));
    stopAfter(AFTER_MS, loop);
    await runIn(mode, loop);
    return {
      calls: plain.length + withArg.length,
      plain: Number(isDeepStrictEqual(plain, [[SIGUSR2]])),
      withArg: Number(isDeepStrictEqual(withArg, [[arg, SIGUSR1]]) && withArg[0]?.[0] === arg),
    };
  },

  async "a second handler"() {
    using loop = testLoop();
    const calls = { first: 0, second: 0 };
    loop.addSignalHandler("SIGUSR2", () => calls.first++);
    loop.addSignalHandler(SIGUSR2, () => calls.second++);
    loop.addCallback(() => raise("SIGUSR2"));
    stopAfter(AFTER_MS, loop);
    await runIn(mode, loop);
    const removed = Number(loop.removeSignalHandler("SIGUSR2"));
    return { ...calls, removed, removedAgain: Number(loop.removeSignalHandler("SIGUSR2")) };
  },

  async "many kinds at once"() {
    using loop = testLoop();
    const kinds: NodeJS.Signals[] = [
      ...(["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM"] as const),
      ...(["SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGVTALRM", "SIGPROF"] as const),
      ...(["SIGWINCH", "SIGURG", "SIGIO", "SIGPIPE", "SIGSYS", "SIGXCPU"] as const),
    ];
    const heard = new Map<number, number>();
    for (const kind of kinds) {
      loop.addSignalHandler(kind, (signo) => heard.set(signo, (heard.get(signo) ?? 0) + 1));
    }
    loop.addCallback(() => {
      for (const kind of kinds) raise(kind);
    });
    stopAfter(AFTER_MS, loop);
    await runIn(mode, loop);
    const once = kinds.filter((kind) => heard.get(constants.signals[kind]) === 1).length;
    return { missed: kinds.length - heard.size, notOnce: kinds.length - once };
  },

  async "200 of one kind"() {
    using loop = testLoop();
    let heard = 0;
    loop.addSignalHandler("SIGUSR2", () => heard++);
    // Some before the run, some within, and more than one count of a byte or pipe in all.
    raise("SIGUSR2", 50);
    loop.addCallback(() => raise("SIGUSR2", 50));
    for (let delayMs = 0; delayMs < 20; delayMs++)
      loop.callLater(delayMs, () => raise("SIGUSR2", 5));
    stopAfter(AFTER_MS, loop);
    await runIn(mode, loop);
    return { heard };
  },

  async "raised while handled"() {
    using loop = testLoop();
    let heard = 0;
    let other = 0;
    loop.addSignalHandler("SIGUSR2", async () => {
      heard++;
      if (heard < 5) raise("SIGUSR2");
      if (heard === 2) raise("SIGUSR1");
      await Promise.resolve();
      if (heard === 5) raise("SIGUSR1");
    });
    loop.addSignalHandler("SIGUSR1", () => other++);
    raise("SIGUSR2");
    stopAfter(AFTER_MS, loop);
    await runIn(mode, loop);
    return { heard, other };
  },

  async "raises itself for ever"() {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    let heard = 0;
    let served = 0;
    let timed = 0;
    loop.addSignalHandler("SIGUSR2", () => {
      heard++;
      raise("SIGUSR2");
    });
    loop.addHandler(reader, READ, () => {
      if (++served === 50) loop.stop();
    });
    loop.setInterval(1, () => timed++);
    poke(writer);
    raise("SIGUSR2");
    await runIn(mode, loop);
    loop.removeSignalHandler("SIGUSR2");
    return { served, heard: Math.min(heard, 40), timed: Math.min(timed, 0) };
  },

  async errors() {
    const told: [unknown, CallContext][] = [];
    using loop = testLoop({ onError: (...all) => told.push(all) });
    let calls = 0;
    loop.addSignalHandler("SIGUSR2", () => {
      calls++;
      if (calls === 1) throw new Error("thrown");
      if (calls === 2) return Promise.reject(new Error("rejected"));
      stopAfter(AFTER_MS, loop);
      return undefined;
    });
    raise("SIGUSR2");
    loop.callLater(5, () => raise("SIGUSR2"));
    loop.callLater(10, () => raise("SIGUSR2"));
    await runIn(mode, loop);
    const signals = told.filter(([, { source, ref }]) => source === "signal" && ref === SIGUSR2);
    const messages = told.map(([error]) => (error as Error).message).join();
    return { calls, told: signals.length, asThrown: Number(messages === "thrown,rejected") };
  },

  async "an error that leaves the run"() {
    using loop = testLoop();
    let calls = 0;
    loop.addSignalHandler("SIGUSR2", () => {
      calls++;
      if (calls === 1) throw new Error("thrown");
      loop.stop();
    });
    raise("SIGUSR2");
    let left = 0;
    try {
      await runIn(mode, loop);
    } catch (error) {
      left = Number((error as Error).message === "thrown");
    }
    raise("SIGUSR2");
    await runIn(mode, loop);
    return { left, calls };
  },

  async "close with some pending"() {
    let heard = 0;
    for (let round = 0; round < 20; round++) {
      using loop = testLoop();
      loop.addSignalHandler("SIGUSR2", () => heard++);
      loop.addSignalHandler("SIGUSR1", () => heard++);
      loop.addCallback(() => {
        raise("SIGUSR2", 20);
        raise("SIGUSR1", 20);
        loop.close();
      });
      await runIn(mode, loop).catch(ignore);
    }
    return { heard };
  },

  async "close in a handler"() {
    using loop = testLoop();
    let heard = 0;
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const) {
      loop.addSignalHandler(signal, () => {
        heard++;
        loop.close();
      });
      raise(signal, 10);
    }
    await runIn(mode, loop);
    return { heard };
  },

  async "remove in a handler"() {
    using loop = testLoop();
    let first = 0;
    let second = 0;
    // Both are pending when the first is called, whichever that is: it takes the other one away.
    loop.addSignalHandler("SIGUSR1", () => {
      first++;
      loop.removeSignalHandler("SIGUSR2");
    });
    loop.addSignalHandler("SIGUSR2", () => {
      second++;
      loop.removeSignalHandler("SIGUSR1");
    });
    raise("SIGUSR1");
    raise("SIGUSR2");
    stopAfter(AFTER_MS, loop);
    await runIn(mode, loop);
    return { heard: first + second };
  },

  async "two loops of one thread"() {
    using one = testLoop();
    using two = testLoop();
    let inOne = 0;
    let inTwo = 0;
    one.addSignalHandler("SIGUSR2", () => inOne++);
    two.addSignalHandler("SIGUSR2", () => {
      inTwo++;
      if (inTwo === 2) two.stop();
    });
    raise("SIGUSR2");
    stopAfter(AFTER_MS, one);
    await runIn(mode, one);
    one.removeSignalHandler("SIGUSR2");
    // What came while the other loop ran waits for this one, and the action is still there.
    raise("SIGUSR2");
    await runIn(mode, two);
    return { inOne, inTwo };
  },

  async "before any run, and between two"() {
    using loop = testLoop();
    let heard = 0;
    loop.addSignalHandler("SIGUSR2", () => {
      heard++;
      loop.stop();
    });
    raise("SIGUSR2");
    await runIn(mode, loop);
    raise("SIGUSR2");
    await runIn(mode === "run()" ? "start()" : "run()", loop);
    return { heard };
  },
};

const chosen = scenarios[scenario];
if (chosen === undefined) throw new Error(`no scenario: ${scenario}`);
report(await chosen());
