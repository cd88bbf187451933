import { describe, expect, test } from "bun:test";
import { CHILD_TEST_MS, figuresOf, runChild } from "./support-child.ts";
import { MODES } from "./support-modes.ts";

const LIMIT_MS = CHILD_TEST_MS;
const NOTHING_LEFT = { fdsLeft: 0, threadsLeft: 0, stillWake: 0, heardAny: 1, sameIds: 0 };

/** By what Bun is woken for a hosted loop: the kernel where it can, or a thread. */
const WATCHES = { "as the kernel allows": "", "by a thread": "thread" };

describe.each(Object.entries(WATCHES))("hosted loops are watched %s", (_, watch) => {
  const env = { BUN_IOLOOP_WATCH: watch };

  test(
    "of up to 200 Workers that are terminated anywhere in start() and run() all end, and nothing of them is left",
    async () => {
      const figures = await figuresOf("worker-ends.ts", {
        args: ["terminate", "mixed", "200"],
        env,
      });
      expect(figures).toEqual({ missing: 0, errors: 0, ...NOTHING_LEFT });
    },
    LIMIT_MS,
  );

  test.each([
    ["return", "start()", 0],
    ["return", "run()", 0],
    ["exit", "start()", 0],
    ["exit", "run()", 0],
    ["throw", "start()", 1],
    ["throw", "run()", 1],
  ] as const)(
    "Workers that end by %s after or in %s, and leave their loops open, leave nothing behind",
    async (end, mode, errors) => {
      const figures = await figuresOf("worker-ends.ts", { args: [end, mode, "10"], env });
      expect(figures).toEqual({ missing: 0, errors, ...NOTHING_LEFT });
    },
    LIMIT_MS,
  );

  test.each([...MODES].flatMap((mode) => [["exit", mode] as const, ["return", mode] as const]))(
    "the process ends by %s while Workers are in %s, with the code that was asked for",
    async (how, mode) => {
      for (const delayMs of ["0", "5"]) {
        const args = [how, mode, delayMs];
        const { stdout, stderr, code } = await runChild("worker-end-main.ts", { args, env });
        expect(`${stdout}${stderr}${code}`).toBe("7");
      }
    },
    LIMIT_MS,
  );
});

test.each([...MODES])(
  "terminate() of a Worker in %s, with everything that a loop can have, does not wait for its timers",
  async (mode) => {
    const figures = await figuresOf("worker-ends.ts", { args: ["terminate", mode, "10"] });
    // Its next timeout but the intervals, which never end, is a minute off: the child would be killed.
    expect(figures).toEqual({ missing: 0, errors: 0, ...NOTHING_LEFT });
  },
  LIMIT_MS,
);
