import { describe, expect, test } from "bun:test";
import { CHILD_TEST_MS, figuresOf } from "./support-child.ts";
import { MODES } from "./support-modes.ts";

const NONE = -1;

// What a process meets first decides how it goes on: each of these needs a process of its own.
describe.each([...MODES])("in %s", (mode) => {
  test.each<[string, string, Record<string, number>]>([
    [
      "after thousands of registrations run() is noticed, and works as before",
      "run late",
      { without: NONE, result: 111, callback: 1, timeout: 1, second: 2, originals: 1 },
    ],
    [
      "after thousands of registrations enterWith() is noticed, and works as before",
      "enterWith late",
      { without: NONE, within: 1, callback: 1, originals: 1 },
    ],
    [
      "after thousands of registrations a subclass of the storage is noticed",
      "a subclass late",
      { callback: 2, originals: 1 },
    ],
    [
      "a context that was suspended during thousands of registrations is still seen",
      "suspended meanwhile",
      { resumed: 1, callback: 1, timeout: 1 },
    ],
    [
      "what a call enters stays with it, also where it is the first context of all",
      "entered by a call",
      {
        timeout: NONE,
        callback: NONE,
        handler: NONE,
        "another handler": NONE,
        "later timeout": NONE,
      },
    ],
    [
      "the context that a loop is run in is not that of its calls",
      "run within",
      { handler: NONE, callback: NONE, timeout: NONE, interval: NONE },
    ],
  ])(
    "%s",
    async (_, scenario, expected) => {
      const figures = await figuresOf("async-context-late.ts", { args: [scenario, mode] });
      expect(figures).toEqual(expected);
    },
    CHILD_TEST_MS,
  );
});

test(
  "the context that a single pass is made in is not that of its calls",
  async () => {
    const figures = await figuresOf("async-context-late.ts", {
      args: ["one pass within", "start()"],
    });
    expect(figures).toEqual({ callback: NONE });
  },
  CHILD_TEST_MS,
);

describe("a program that loads node:async_hooks after thousands of registrations", () => {
  test("has its first store kept, and Bun's own methods back from then on", async () => {
    const figures = await figuresOf("async-context-loaded-late.ts", { args: ["run"] });
    expect(figures).toEqual({ timeout: -1, before: -1, within: 1, replaced: 1, names: 1 });
  });

  test("has a store that one call enters kept from the next", async () => {
    const figures = await figuresOf("async-context-loaded-late.ts", { args: ["enterWith"] });
    expect(figures).toEqual({ timeout: -1, before: -1, within: -1, replaced: 1, names: 1 });
  });
});

test.each([...MODES])(
  "a package that is itself loaded within a context keeps what is added without one free of it, in %s",
  async (mode) => {
    const figures = await figuresOf("async-context-loaded-within.ts", { args: [mode] });
    expect(figures).toEqual({ without: 3, within: 2 });
  },
  CHILD_TEST_MS,
);

test(
  "a program that replaces setTimeout breaks no loop, and is not called by one",
  async () => {
    const figures = await figuresOf("replaced-timers.ts");
    expect(figures).toEqual({ called: 2, asked: 0 });
  },
  CHILD_TEST_MS,
);
