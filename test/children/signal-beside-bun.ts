// A loop's handler of SIGUSR2 beside listeners of process.on: signal-beside-bun.ts <scenario> <mode>
import { type IOLoop, READ } from "../../src/index.ts";
import { Fds, ignore, poke, testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn, stopAfter } from "../support-modes.ts";

const [, , scenario = "", modeName] = process.argv;
const mode = modeOf(modeName);
/** Long enough for a call too many to show itself; a slow machine only makes it longer. */
const AFTER_MS = 60;

const calls = { loop: 0, listener: 0 };
const handler = (): number => calls.loop++;
const listener = (): number => calls.listener++;
const raise = (): boolean => process.kill(process.pid, "SIGUSR2");

/** Runs the loop with the steps at their moments, one after another, and a while longer. */
async function runSteps(loop: IOLoop, ...steps: (() => unknown)[]): Promise<void> {
  let next = 0;
  const step = (): void => {
    steps[next++]?.();
    if (loop.closed) return;
    if (next < steps.length) loop.callLater(5, step);
    else stopAfter(AFTER_MS, loop);
  };
  loop.addCallback(step);
  await runIn(mode, loop);
}

/** What was heard in the run alone, and what came after it. */
async function figures(): Promise<Record<string, number>> {
  const within = { ...calls };
  await Bun.sleep(AFTER_MS);
  return { ...within, late: calls.loop + calls.listener - within.loop - within.listener };
}

const scenarios: Record<string, (loop: IOLoop) => Promise<Record<string, number>>> = {
  async "a listener before the handler"(loop) {
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    await runSteps(loop, raise, raise, raise);
    return figures();
  },

  async "a listener after the handler"(loop) {
    loop.addSignalHandler("SIGUSR2", handler);
    process.on("SIGUSR2", listener);
    await runSteps(loop, raise, raise, raise);
    return figures();
  },

  async "raised before the run, and heard by Bun"(loop) {
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    raise();
    await Bun.sleep(AFTER_MS);
    await runSteps(loop, raise);
    return figures();
  },

  async "a listener added within the run"(loop) {
    loop.addSignalHandler("SIGUSR2", handler);
    await runSteps(loop, raise, () => process.on("SIGUSR2", listener), raise, raise);
    return figures();
  },

  async "a handler added within the run"(loop) {
    process.on("SIGUSR2", listener);
    await runSteps(loop, raise, () => loop.addSignalHandler("SIGUSR2", handler), raise, raise);
    return figures();
  },

  async "a handler removed within the run"(loop) {
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    await runSteps(loop, raise, () => loop.removeSignalHandler("SIGUSR2"), raise, raise);
    return figures();
  },

  async "a listener before the handler goes"(loop) {
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    await runSteps(loop, raise, () => process.off("SIGUSR2", listener), raise, raise);
    return figures();
  },

  async "a listener after the handler goes"(loop) {
    loop.addSignalHandler("SIGUSR2", handler);
    process.on("SIGUSR2", listener);
    await runSteps(loop, raise, () => process.off("SIGUSR2", listener), raise, raise);
    return figures();
  },

  async "a listener goes before the run"(loop) {
    loop.addSignalHandler("SIGUSR2", handler);
    process.on("SIGUSR2", listener);
    process.off("SIGUSR2", listener);
    await runSteps(loop, raise, raise);
    return figures();
  },

  async "a listener comes, goes and comes again"(loop) {
    loop.addSignalHandler("SIGUSR2", handler);
    await runSteps(
      loop,
      () => process.on("SIGUSR2", listener),
      raise,
      () => process.off("SIGUSR2", listener),
      raise,
      () => process.on("SIGUSR2", listener),
      raise,
    );
    return figures();
  },

  async "once, beside a handler"(loop) {
    loop.addSignalHandler("SIGUSR2", handler);
    process.once("SIGUSR2", listener);
    await runSteps(loop, raise, raise, raise);
    return figures();
  },

  async "two listeners, no handler"(loop) {
    process.on("SIGUSR2", listener);
    process.on("SIGUSR2", () => listener());
    await runSteps(loop, raise, raise);
    return figures();
  },

  async "a listener added within the run, no handler"(loop) {
    await runSteps(loop, () => process.on("SIGUSR2", listener), raise, raise);
    return figures();
  },

  async "raised in the last turn of the run"(loop) {
    process.on("SIGUSR2", listener);
    await runLast(loop);
    await Bun.sleep(AFTER_MS);
    return { ...calls };
  },

  async "raised in the last turn of the run, with a handler"(loop) {
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    await runLast(loop);
    await Bun.sleep(AFTER_MS);
    const before = calls.listener;
    // The handler hears of it in the next run.
    await runSteps(loop, ignore);
    return { ...calls, before };
  },

  async "close() in the run"(loop) {
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    await runSteps(loop, raise, () => loop.close());
    raise();
    await Bun.sleep(AFTER_MS);
    // The next loop finds everything as the first one did.
    using next = testLoop();
    next.addSignalHandler("SIGUSR2", handler);
    next.callLater(1, raise);
    stopAfter(AFTER_MS, next);
    await next.run();
    // On a machine that stalled, the signal came in the run's last turn: Bun tells its listener in the next one.
    await Bun.sleep(1);
    next.callLater(1, raise);
    stopAfter(AFTER_MS, next);
    next.start();
    return figures();
  },

  async "close() with signals pending"(loop) {
    process.on("SIGUSR2", listener);
    loop.addCallback(() => {
      raise();
      loop.close();
    });
    await runIn(mode, loop).catch(ignore);
    await Bun.sleep(AFTER_MS);
    return { ...calls };
  },

  async "after the run"(loop) {
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    await runSteps(loop, raise);
    loop.removeSignalHandler("SIGUSR2");
    raise();
    await Bun.sleep(AFTER_MS);
    raise();
    await Bun.sleep(AFTER_MS);
    return { ...calls };
  },

  async "after the run, without a handler"(loop) {
    process.on("SIGUSR2", listener);
    await runSteps(loop, raise);
    raise();
    await Bun.sleep(AFTER_MS);
    raise();
    await Bun.sleep(AFTER_MS);
    return { ...calls };
  },

  async "a listener that was added after the handler, which then goes"(loop) {
    loop.addSignalHandler("SIGUSR2", handler);
    process.on("SIGUSR2", listener);
    await runSteps(loop, raise);
    loop.removeSignalHandler("SIGUSR2");
    raise();
    await Bun.sleep(AFTER_MS);
    return { ...calls };
  },

  async "a listener that throws, which is an uncaught exception"(loop) {
    let uncaught = 0;
    process.on("uncaughtException", () => uncaught++);
    loop.addSignalHandler("SIGUSR2", handler);
    process.on("SIGUSR2", () => {
      throw new Error("thrown");
    });
    process.on("SIGUSR2", listener);
    await runSteps(loop, raise, raise);
    return { ...calls, uncaught };
  },

  async "another loop of the thread"(loop) {
    using other = testLoop();
    other.addSignalHandler("SIGUSR2", () => calls.loop++);
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    const hosted = other.run();
    await Bun.sleep(1);
    await runSteps(loop, raise, raise);
    await Bun.sleep(AFTER_MS);
    other.stop();
    await hosted;
    return { ...calls };
  },

  async runUntil(loop) {
    process.on("SIGUSR2", listener);
    loop.addSignalHandler("SIGUSR2", handler);
    if (mode === "start()") {
      loop.callLater(1, raise);
      loop.runUntil(loop.sleep(AFTER_MS));
    } else await runSteps(loop, raise);
    return figures();
  },

  async SIGCHLD(loop) {
    let heard = 0;
    process.on("SIGCHLD", () => heard++);
    process.on("SIGUSR2", listener);
    await runSteps(loop, () => process.kill(process.pid, "SIGCHLD"), raise);
    await Bun.sleep(AFTER_MS);
    // Bun's own action was never replaced, so its listener hears of it as ever.
    return { ...calls, heard };
  },
};

/** A run that ends with the iteration in which the signal comes. */
async function runLast(loop: IOLoop): Promise<void> {
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  loop.addHandler(reader, READ, () => {
    loop.removeHandler(reader);
    raise();
    loop.stop();
  });
  await runIn(mode, loop);
}

const chosen = scenarios[scenario];
if (chosen === undefined) throw new Error(`no scenario: ${scenario}`);
using loop = testLoop();
report(await chosen(loop));
process.exit(0);
