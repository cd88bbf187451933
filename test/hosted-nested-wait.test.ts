import { describe, expect, test } from "bun:test";
import { CHILD_TEST_MS, runChild } from "./support-child.ts";
import { WAYS } from "./support-hosted.ts";

describe.each(WAYS)("where a call has Bun's loop turn, a hosted loop, %s,", (_name, way) => {
  test.each([
    ["is not turned within its own turn, but after it", "turn"],
    ["ends when it is then stopped", "stop"],
    ["ends when it is closed meanwhile", "close"],
  ])(
    "%s",
    async (_behaviour, name) => {
      const { stderr, code } = await runChild("hosted-nested.ts", {
        under: ["bash", "-c", `exec "$0" test "$1" -t '^${name}$'`],
        env: { BUN_IOLOOP_WATCH: way },
      });
      expect(stderr).toContain(" 1 pass");
      expect(code).toBe(0);
    },
    CHILD_TEST_MS,
  );
});
