import { describe, expect, test } from "bun:test";
import { expectError, Played } from "./support-fault-outcomes.ts";
import { whyUntraceable } from "./support-trace.ts";

const played = await Played.by("fault-wait.ts", whyUntraceable());
const skipped = played.reason !== undefined;

/** What a wait may fail with beside EINTR, and what its message says. */
const ADVICE = [
  ["EBADF", /make a new IOLoop/],
  ["EINVAL", /make a new IOLoop/],
  ["EFAULT", /./],
  ["ENOMEM", /out of memory/],
] as const;

describe.skipIf(skipped).each(["start()", "run()", "runOnce()", "runUntil()"])(
  "a wait that fails in %s",
  (run) => {
    test.each(ADVICE)(
      "with %s ends it with that error, and the next run has the event",
      (code, advice) => {
        const { error, ...rest } = played.of(`${run} ${code}`);
        expectError(error, { code, syscall: "epoll_wait", fd: "poller", advice });
        expect(rest).toEqual({ hits: 1, running: false, before: 0, seen: ["event"], leaked: 0 });
      },
    );
  },
);

describe.skipIf(skipped)("after a wait that failed", () => {
  test("what was awaited settles in the next run", () => {
    expect(played.of("awaited")).toEqual({
      threw: true,
      hits: 1,
      before: 0,
      outcomes: ["1", "slept"],
      leaked: 0,
    });
  });

  test("the loop can be closed", () => {
    expect(played.of("closed after")).toEqual({ threw: true, closed: true, leaked: 0 });
  });
});

describe.skipIf(skipped).each(["ENOSYS", "EPERM"])("where epoll_pwait2 is %s", (code) => {
  test("from the first on, waits are in milliseconds, never early, and lose no event", () => {
    expect(played.of(`missing ${code}`)).toEqual({
      coarse: true,
      early: [],
      earlyTimers: [],
      events: 20,
      // It is asked for once.
      hits: 1,
      leaked: 0,
    });
  });

  const later = played.find(`missing later ${code}`);
  // A kernel that has none at all has nothing to lose.
  test.skipIf(later?.["coarse"] === true)(
    "from a later moment on, as a filter has it, waits go on in milliseconds",
    () => {
      expect(played.of(`missing later ${code}`)).toEqual({
        coarse: false,
        // Each for as long as it should.
        waits: [true, true],
        polled: "none",
        // It is asked for once.
        hits: 1,
        seen: ["event"],
        leaked: 0,
      });
    },
  );
});

test.skipIf(skipped)("a probe that EINTR ends costs no more than milliseconds", () => {
  expect(played.of("interrupted probe")).toEqual({ lasted: true, hits: 1, leaked: 0 });
});
