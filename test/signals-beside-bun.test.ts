import { describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { CHILD_TEST_MS, figuresOf, runChild } from "./support-child.ts";
import { MODES } from "./support-modes.ts";

const ENDED_BY_SIGUSR2 = 128 + constants.signals.SIGUSR2;

describe.each([...MODES])("in %s", (mode) => {
  test.each([
    ["a listener before the handler", { loop: 3, listener: 3, late: 0 }],
    ["a listener after the handler", { loop: 3, listener: 3, late: 0 }],
    ["raised before the run, and heard by Bun", { loop: 2, listener: 2, late: 0 }],
    ["a listener added within the run", { loop: 3, listener: 2, late: 0 }],
    ["a handler added within the run", { loop: 2, listener: 3, late: 0 }],
    ["a handler removed within the run", { loop: 1, listener: 3, late: 0 }],
    ["a listener before the handler goes", { loop: 3, listener: 1, late: 0 }],
    ["a listener after the handler goes", { loop: 3, listener: 1, late: 0 }],
    ["a listener goes before the run", { loop: 2, listener: 0, late: 0 }],
    ["a listener comes, goes and comes again", { loop: 3, listener: 2, late: 0 }],
    ["once, beside a handler", { loop: 3, listener: 1, late: 0 }],
    ["two listeners, no handler", { loop: 0, listener: 4, late: 0 }],
    ["a listener added within the run, no handler", { loop: 0, listener: 2, late: 0 }],
    ["raised in the last turn of the run", { loop: 0, listener: 1 }],
    ["raised in the last turn of the run, with a handler", { loop: 1, listener: 1, before: 1 }],
    ["close() with signals pending", { loop: 0, listener: 1 }],
    ["close() in the run", { loop: 3, listener: 4, late: 0 }],
    ["after the run", { loop: 1, listener: 3 }],
    ["after the run, without a handler", { loop: 0, listener: 3 }],
    ["a listener that was added after the handler, which then goes", { loop: 1, listener: 2 }],
    ["another loop of the thread", { loop: 4, listener: 2 }],
    ["runUntil", { loop: 1, listener: 1, late: 0 }],
    [
      "a listener that throws, which is an uncaught exception",
      { loop: 2, listener: 2, uncaught: 2 },
    ],
    ["SIGCHLD", { loop: 0, listener: 1, heard: 1 }],
  ])(
    "handlers and listeners of process.on hear of each signal once, and within the run: %s",
    async (scenario, expected) => {
      const figures = await figuresOf("signal-beside-bun.ts", { args: [scenario, mode] });
      expect(figures).toEqual(expected);
    },
    CHILD_TEST_MS,
  );

  test(
    "of signals that come all the time while runs begin and end, both hear of the same ones",
    async () => {
      const figures = await figuresOf("signal-turns.ts", { args: [mode] });
      expect(figures).toEqual({ heard: 1, difference: 0 });
    },
    CHILD_TEST_MS,
  );

  test.each([
    "off",
    "off within the run",
    "once",
    "once within the run",
    "off beside a handler, then remove",
    "off beside a handler, then close",
    "off within the run beside a handler, then remove",
    "off within the run beside a handler, then close",
    "a later listener off beside a handler, then remove",
    "a later listener off beside a handler, then close",
  ])(
    "a signal ends the process once nobody listens any more: %s",
    async (how) => {
      const { stdout, stderr, code } = await runChild("signal-unheard.ts", { args: [how, mode] });
      expect(`${stdout}${stderr}`).toBe("heard\n");
      expect(code).toBe(ENDED_BY_SIGUSR2);
    },
    CHILD_TEST_MS,
  );
});

describe.each([...MODES])("a Worker's loop listens too, and in %s", (mode) => {
  test.each(["before", "after"])(
    "a listener of process.on that was added %s it hears of a signal once, and so does the Worker",
    async (when) => {
      const figures = await figuresOf("signal-worker.ts", { args: [`listener ${when}`, mode] });
      expect(figures).toEqual({ inMain: 3, inWorker: 3 });
    },
    CHILD_TEST_MS,
  );
});

test(
  "a signal of another process is told to a listener of process.on in the middle of start()",
  async () => {
    let sent = 0;
    const figures = await figuresOf("signal-listener-wait.ts", {
      prod: (pid) => {
        if (sent++ === 0) process.kill(pid, "SIGUSR2");
      },
    });
    expect(figures).toEqual({ within: 1, late: 0 });
  },
  CHILD_TEST_MS,
);

test.each([...MODES])(
  "after process.removeAllListeners() a loop hears of signals again from the next handler on, in %s",
  async (mode) => {
    const figures = await figuresOf("signal-removed-listeners.ts", { args: [mode] });
    expect(figures).toEqual({ handler: 1, again: 1, listener: 1 });
  },
  CHILD_TEST_MS,
);

test(
  "a signal whose last listener went with the one before is not raised again for another loop's handler",
  async () => {
    const figures = await figuresOf("signal-last-listener.ts");
    expect(figures).toEqual({ handler: 2, listener: 1 });
  },
  CHILD_TEST_MS,
);
