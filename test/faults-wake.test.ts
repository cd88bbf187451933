import { describe, expect, test } from "bun:test";
import { Played } from "./support-fault-outcomes.ts";
import { whyUntraceable } from "./support-trace.ts";

const played = await Played.by("fault-wake.ts", whyUntraceable());
const suite = describe.skipIf(played.reason !== undefined);

suite("a wake", () => {
  test.each(["EAGAIN", "EINTR"])(
    "whose write fails with %s is tried again, and comes as the next one does",
    (code) => {
      const outcome = played.of(`wake ${code}`);
      expect(outcome).toEqual({
        hits: 1,
        promised: true,
        first: 1,
        second: true,
        last: 1,
        leaked: 0,
      });
    },
  );

  test.each(["EBADF", "EIO"])(
    "whose write fails with %s comes if it was promised, and the next one comes",
    (code) => {
      const { promised, first, ...rest } = played.of(`wake ${code}`);
      expect(first).toBe(Number(promised));
      expect(rest).toEqual({ hits: 1, second: true, last: 1, leaked: 0 });
    },
  );

  test("comes also where others have filled its counter, and the loop has seen that", () => {
    const outcome = played.of("full counter");
    expect(outcome).toEqual({ answers: Array(6).fill(true), called: 3, leaked: 0 });
  });
});

suite("signals for which there is no room in the pipe", () => {
  test.each([0, 1])("are counted, %d before it was full, and those after it as well", (before) => {
    const outcome = played.of(`full pipe behind ${before}`);
    expect(outcome).toEqual({ whileFull: 20 + before, last: 1, called: 0, leaked: 0 });
  });

  test("whose write fails are told with the one before them", () => {
    const outcome = played.of("signals write:error=EAGAIN:when=2+");
    expect(outcome).toEqual({ hits: 9, count: 10, called: 0, leaked: 0 });
  });
});

suite("signals whose pipe cannot be read", () => {
  test.each(["EINTR", "EIO"])("for %s are neither lost nor told twice", (code) => {
    const outcome = played.of(`signals read:error=${code}:when=1`);
    expect(outcome).toEqual({ hits: 1, count: 10, called: 0, leaked: 0 });
  });
});
