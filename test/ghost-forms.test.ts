import { describe, expect, test } from "bun:test";
import { Fds, testLoop } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { DRIVERS, FORMS } from "./support-ghost-forms.ts";
import { PASSES, SIGHTINGS } from "./support-ghosts.ts";
import { Neighbours } from "./support-neighbours.ts";

describe.skipIf(lacks("sight of a close")).each(Object.entries(FORMS))(
  "a closed file that %s",
  (_form, haunt) => {
    test.each(Object.entries(DRIVERS))(
      "is counted, makes no loop spin, and costs the live handlers nothing, in %s",
      async (_driver, drive) => {
        using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
        using fds = new Fds();
        using neighbours = new Neighbours(loop, fds);
        let tidy: (() => void) | undefined;
        try {
          await drive(
            loop,
            () => {
              tidy = haunt(loop, fds, neighbours);
            },
            () => neighbours.advance(2 * PASSES),
          );
          neighbours.expectWhole();
          expect(loop.metrics().dropped).toBe(SIGHTINGS);
        } finally {
          tidy?.();
        }
      },
    );
  },
);
