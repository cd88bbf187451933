import { expect, test } from "bun:test";
import { CHILD_TEST_MS, figuresOf } from "./support-child.ts";
import { MODES } from "./support-modes.ts";

const WORKERS = 8;
const WAKES = 1_000_000;

test.each([...MODES])(
  "of a million wakes from each of 8 Workers none is lost, and most are merged, in %s",
  async (mode) => {
    const args = [mode, `${WORKERS}`, `${WAKES}`];
    const { lost, calls = 0 } = await figuresOf("flood-wakes.ts", { args });
    console.log(`  ${calls} calls for ${(WORKERS * WAKES).toLocaleString("en")} wakes, in ${mode}`);
    expect(lost).toBe(0);
    expect(calls).toBeWithin(1, (WORKERS * WAKES) / 4);
  },
  CHILD_TEST_MS,
);
