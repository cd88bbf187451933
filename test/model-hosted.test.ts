import { test } from "bun:test";
import fc from "fast-check";
import { Tally } from "./support-model-check.ts";
import { OPERATION_NAMES, programs } from "./support-model-program.ts";
import { World } from "./support-model-world.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";

/** How many sequences come to everything for sure. */
const ENOUGH = 700;

const OUTCOMES = [
  ...["hosted", "hosted, several at once", "done while it was hosted"],
  ...["turned for what was done while it slept"],
  ...["timeout called", "interval called", "callback called", "waker called", "handler called"],
  ...["several ready at once", "removed within a batch", "stop() within a run"],
  ...["close() within a run", "a pass broken off by an error", "a pass within another loop's"],
  ...["runOnce(0) refused inside itself", "start refused inside itself"],
  ...["a wait timed out", "a stream told", "a stream ended by a failure"],
];

test(
  "loops that Bun's loop hosts, several at once, do what the same model says",
  async () => {
    const tally = new Tally();
    const property = fc.asyncProperty(programs(40), async (program) => {
      using world = new World(program, tally);
      await world.performHosted(program);
    });
    const runs = await holds("model, hosted", property, { runs: 1000 });
    tally.judge([...OPERATION_NAMES, ...OUTCOMES], runs, ENOUGH);
  },
  PROPERTY_LIMIT_MS,
);
