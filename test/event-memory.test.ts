import { expect, test } from "bun:test";
import { CHILD_TEST_MS, figuresOf } from "./support-child.ts";

/** The smallest object, array or closure of the engine. */
const CELL_BYTES = 16;

test(
  "the loop makes nothing for an event: no object, closure or array; nor does metrics() for filling in what it is given",
  async () => {
    const env = { BUN_JSC_useGC: "0" };
    const measured = await figuresOf("event-memory.ts", { env });
    const metered = await figuresOf("event-memory.ts", { env, args: ["metrics"] });
    const control = await figuresOf("event-memory.ts", { env, args: ["control"] });
    // One object for each event shows, so the measurement can fail.
    expect(control["bytesPerEvent"]).toBeGreaterThanOrEqual(CELL_BYTES);
    expect(measured["bytesPerEvent"]).toBeLessThan(CELL_BYTES / 4);
    // One object for each filling in would be twice this.
    expect(metered["bytesPerEvent"]).toBeLessThan(CELL_BYTES / 8);
  },
  CHILD_TEST_MS,
);
