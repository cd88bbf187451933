import { describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { IOLoop } from "../src/index.ts";
import { ignore, testLoop, thrownBy, untyped } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { CHILD_TEST_MS, figuresOf, runChild } from "./support-child.ts";
import { MODES } from "./support-modes.ts";
import { expectIOLoopError } from "./support-system.ts";

/** What a process leaves behind that a signal has ended. */
function endedBy(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Sends a signal once, to a child that has said that it is ready. */
function once(signal: NodeJS.Signals): (pid: number) => void {
  let sent = false;
  return (pid) => {
    if (sent) return;
    sent = true;
    process.kill(pid, signal);
  };
}

describe.each([...MODES])("in %s", (mode) => {
  const scenario = (name: string): Promise<Record<string, number>> =>
    figuresOf("signal-handlers.ts", { args: [name, mode] });

  test(
    "a signal goes by name or by number; its handler gets the number, after `arg` where there is one",
    async () => {
      expect(await scenario("by name and by number")).toEqual({
        calls: 2,
        plain: 1,
        withArg: 1,
      });
    },
    CHILD_TEST_MS,
  );

  test(
    "a signal from another process ends a blocking wait and is heard",
    async () => {
      const figures = await figuresOf("signal-wait.ts", {
        args: [mode],
        prod: once("SIGUSR2"),
      });
      expect(figures).toEqual({ heard: 1 });
    },
    CHILD_TEST_MS,
  );

  test(
    "a second handler takes the first one's place, and removing it works once",
    async () => {
      const figures = await scenario("a second handler");
      expect(figures).toEqual({ first: 0, second: 1, removed: 1, removedAgain: 0 });
    },
    CHILD_TEST_MS,
  );

  test(
    "of many kinds of signals that come at once each is heard once",
    async () => {
      expect(await scenario("many kinds at once")).toEqual({ missed: 0, notOnce: 0 });
    },
    CHILD_TEST_MS,
  );

  test(
    "of 200 signals of one kind that come one by one each is heard",
    async () => {
      expect(await scenario("200 of one kind")).toEqual({ heard: 200 });
    },
    CHILD_TEST_MS,
  );

  test(
    "a signal that comes while one is handled is kept",
    async () => {
      expect(await scenario("raised while handled")).toEqual({ heard: 5, other: 2 });
    },
    CHILD_TEST_MS,
  );

  test(
    "a handler that raises its own signal again and again does not keep the loop from its fds and timers",
    async () => {
      const figures = await scenario("raises itself for ever");
      expect(figures).toEqual({ served: 50, heard: 40, timed: 0 });
    },
    CHILD_TEST_MS,
  );

  test(
    "what a handler throws, or rejects with, reaches onError with the signal's number, and the handler stays",
    async () => {
      expect(await scenario("errors")).toEqual({ calls: 3, told: 2, asThrown: 1 });
    },
    CHILD_TEST_MS,
  );

  test(
    "what onError throws about a signal's handler leaves the run, which can go on",
    async () => {
      expect(await scenario("an error that leaves the run")).toEqual({ left: 1, calls: 2 });
    },
    CHILD_TEST_MS,
  );

  test(
    "after close() no pending signal is heard, and none does any harm",
    async () => {
      expect(await scenario("close with some pending")).toEqual({ heard: 0 });
    },
    CHILD_TEST_MS,
  );

  test(
    "close() in a handler is the last that is heard of a burst",
    async () => {
      expect(await scenario("close in a handler")).toEqual({ heard: 1 });
    },
    CHILD_TEST_MS,
  );

  test(
    "a handler that another handler removes is not called any more, though its signal had come",
    async () => {
      expect(await scenario("remove in a handler")).toEqual({ heard: 1 });
    },
    CHILD_TEST_MS,
  );

  test(
    "two loops of one thread both hear of a signal, and one goes on when the other has stopped listening",
    async () => {
      expect(await scenario("two loops of one thread")).toEqual({ inOne: 1, inTwo: 2 });
    },
    CHILD_TEST_MS,
  );

  test(
    "a signal that came before the run is heard in it, and one between two runs in the next",
    async () => {
      expect(await scenario("before any run, and between two")).toEqual({ heard: 2 });
    },
    CHILD_TEST_MS,
  );

  test.each(["remove", "close"])(
    "after the handler went by %s the signal ends the process again",
    async (how) => {
      const { stdout, code } = await runChild("signal-before.ts", { args: [how, mode] });
      expect(stdout).toBe("heard\n");
      expect(code).toBe(endedBy("SIGUSR2"));
    },
    CHILD_TEST_MS,
  );

  test.each(["remove", "close"])(
    "after the handler went by %s the signal is ignored again where it was before",
    async (how) => {
      const { stdout, code } = await runChild("signal-before.ts", {
        args: [how, mode],
        under: ["sh", "-c", 'trap "" USR2; exec "$0" "$@"'],
      });
      expect(stdout).toBe("heard\nlived\n");
      expect(code).toBe(0);
    },
    CHILD_TEST_MS,
  );

  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s ends a process whose loop has no handler for it",
    async (signal) => {
      const { code } = await runChild("signal-wait.ts", {
        args: [mode, "without"],
        prod: once(signal),
      });
      expect(code).toBe(endedBy(signal));
    },
    CHILD_TEST_MS,
  );

  test(
    "a Worker's loop and the main thread's both hear of one signal",
    async () => {
      expect(await figuresOf("signal-worker.ts", { args: ["both", mode] })).toEqual({
        inMain: 3,
        inWorker: 3,
      });
    },
    CHILD_TEST_MS,
  );

  test(
    "a handler in a Worker is called there, though the main thread's loop has none",
    async () => {
      expect(await figuresOf("signal-worker.ts", { args: ["worker", mode] })).toEqual({
        inMain: 0,
        inWorker: 3,
      });
    },
    CHILD_TEST_MS,
  );

  test.each(["terminate", "exit", "throw", "end"])(
    "a Worker with a handler that is gone by %s leaves no action: the signal ends the process again",
    async (how) => {
      const { stdout, stderr, code } = await runChild("signal-worker-gone.ts", {
        args: [how, mode],
      });
      expect(`${stdout}${stderr}`).toBe("gone\n");
      expect(code).toBe(endedBy("SIGUSR2"));
    },
    CHILD_TEST_MS,
  );
});

test.each([
  ["SIGKILL", /kernel/],
  ["SIGSTOP", /kernel/],
  ["SIGSEGV", /fault/],
  ["SIGBUS", /fault/],
  ["SIGFPE", /fault/],
  ["SIGILL", /fault/],
  ["SIGTRAP", /fault/],
  ["SIGCHLD", /addChildHandler/],
] as const)("%s is refused, by name and by number, and the message says why", (name, why) => {
  using loop = testLoop();
  for (const signal of [name, constants.signals[name]]) {
    expectIOLoopError(
      thrownBy(() => loop.addSignalHandler(signal, ignore)),
      "EINVAL",
      new RegExp(name),
      why,
    );
    expect(loop.removeSignalHandler(signal)).toBeFalse();
  }
});

test.skipIf(process.platform !== "linux")(
  "SIGPWR, which Linux alone has and Bun uses itself, is refused",
  () => {
    using loop = testLoop();
    expectIOLoopError(
      thrownBy(() => loop.addSignalHandler("SIGPWR", ignore)),
      "EINVAL",
      /SIGPWR/,
      /Bun/,
    );
  },
);

test.each(["SIGNOTHING", "usr2", "USR2", "", "toString", "__proto__", 0, -1, 65, 1.5, Number.NaN])(
  "%p is no signal: RangeError, and there is nothing to remove",
  (signal) => {
    using loop = testLoop();
    const error = thrownBy(() => loop.addSignalHandler(signal, ignore));
    expect(error).toBeInstanceOf(RangeError);
    expect(loop.removeSignalHandler(signal)).toBeFalse();
  },
);

test.each([undefined, null, {}, true, 12n, Symbol("SIGUSR2")])(
  "a signal that is neither a name nor a number is a TypeError",
  (signal) => {
    using loop = testLoop();
    expect(thrownBy(() => loop.addSignalHandler(untyped(signal), ignore))).toBeInstanceOf(
      TypeError,
    );
    expect(loop.removeSignalHandler(untyped(signal))).toBeFalse();
  },
);

test.each([undefined, null, {}, "handler", 1])(
  "a handler that is no function is a TypeError: %p",
  (handler) => {
    using loop = testLoop();
    expect(thrownBy(() => loop.addSignalHandler("SIGUSR2", untyped(handler)))).toBeInstanceOf(
      TypeError,
    );
    expect(loop.removeSignalHandler("SIGUSR2")).toBeFalse();
  },
);

test("addSignalHandler returns true; once the loop is closed it throws, and removing is false", () => {
  const loop = new IOLoop();
  expect(loop.addSignalHandler("SIGWINCH", ignore)).toBeTrue();
  loop.close();
  expectIOLoopError(
    thrownBy(() => loop.addSignalHandler("SIGWINCH", ignore)),
    "ERR_LOOP_CLOSED",
  );
  expect(loop.removeSignalHandler("SIGWINCH")).toBeFalse();
});

test(
  "a hundred loops with handlers that are closed leave no fd behind, and more listen than there may be is ENOSPC",
  async () => {
    const { left, refused, room } = await figuresOf("signal-loops.ts");
    expect({ refused, room }).toEqual({ refused: 1, room: 1 });
    if (!lacks("a close that is done on return")) expect(left).toBeLessThanOrEqual(0);
  },
  CHILD_TEST_MS,
);
