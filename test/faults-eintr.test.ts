import { describe, expect, test } from "bun:test";
import { Played } from "./support-fault-outcomes.ts";
import { MODES } from "./support-modes.ts";
import { whyUntraceable } from "./support-trace.ts";

const played = await Played.by("fault-eintr.ts", whyUntraceable());

const RUNS = [
  ...MODES.map((mode) => [mode, 0] as const),
  ["start()", 300],
  ["runOnce()", 0],
  ["runUntil()", 0],
] as const;

describe
  .skipIf(played.reason !== undefined)
  .each(["the first ones", "every second one", "some of them"])(
  "where EINTR ends the waits of a loop, %s,",
  (pattern) => {
    test.each(RUNS)(
      "%s with spin %d loses no event, wake or byte, and no timer is early",
      (mode, spin) => {
        // The seed and the pattern drawn from it are in what a failure prints: BUN_IOLOOP_SEED repeats them.
        expect(played.of(`${mode}, spin ${spin}, ${pattern}`)).toEqual({
          seed: expect.any(Number),
          fault: expect.any(String),
          interrupted: true,
          hops: 60,
          wrong: 0,
          bytes: 4,
          woken: 5,
          beats: 5,
          timers: 7,
          disorder: 0,
          early: 0,
          leaked: 0,
        });
      },
    );
  },
);

test.skipIf(played.reason !== undefined)("waits that EINTR ends last their whole time", () => {
  expect(played.of("waits")).toEqual({ early: [], interrupted: true, leaked: 0 });
});
