import { test } from "bun:test";
import fc from "fast-check";
import { Tally } from "./support-model-check.ts";
import { programs } from "./support-model-program.ts";
import { World } from "./support-model-world.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";

test(
  "loops that Bun's loop hosts, several at once, do what the same model says",
  async () => {
    const tally = new Tally();
    const property = fc.asyncProperty(programs(40), async (program) => {
      using world = new World(program, tally);
      await world.performHosted(program);
    });
    await holds("model, hosted", property, { runs: 1000 });
  },
  PROPERTY_LIMIT_MS,
);
