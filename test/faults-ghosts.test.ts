import { describe, expect, test } from "bun:test";
import { expectError, Played } from "./support-fault-outcomes.ts";
import { whyUntraceable } from "./support-trace.ts";

const played = await Played.by("fault-ghosts.ts", whyUntraceable());
const suite = describe.skipIf(played.reason !== undefined);

const FIRST_FD = 700;

/** What comes of it in the end, whatever failed: level, EDGE, ONESHOT and a handler that is added paused. */
const AFTERWARDS = {
  spins: false,
  told: [1, 1, 1, 1],
  woken: 2,
  outside: 1,
  sameQueue: true,
  leaked: 0,
};

/** Where no handler is refused. */
const UNHARMED = {
  reports: [],
  edges: 2,
  toldFirst: [1, 1, 1, 0],
  kept: [true, true, true, true],
  ...AFTERWARDS,
};

suite("where a queue cannot be made anew to drive out a ghost", () => {
  test.each([
    ["no queue", 2],
    ["no queue in the system", 1],
    ["no memory for a queue", 2],
    ["no wake", 1],
    ["no place in the exposed queue", 1],
    ["no exchange", 2],
    ["an interrupted exchange", 1],
  ])("for %s, the old one goes on, and the next sighting tries again", (name, hits) => {
    expect(played.of(name)).toEqual({
      hits,
      ...UNHARMED,
    });
  });
});

suite("where the exposed queue has no lasting place for the new one", () => {
  test("it is told of all the same", () => {
    expect(played.of("no lasting place in the exposed queue")).toEqual({
      hits: 1,
      ...UNHARMED,
    });
  });
});

suite("where the new queue refuses", () => {
  test.each([
    ["the first handler is refused", "ENOSPC", [0]],
    ["a handler is refused", "ENOMEM", [1]],
    ["all handlers are refused", "ENOSPC", [0, 1, 2, 10]],
  ])("handlers, as in %s, onError hears of each, and the others live", (name, code, refused) => {
    const { hits, reports, edges, toldFirst, kept, ...rest } = played.of(name);
    expect(hits).toBeGreaterThanOrEqual(refused.length);
    const told = reports as { error: unknown; context: unknown }[];
    expect(told.map(({ context }) => context)).toEqual(
      refused.map((index) => ({ source: "update", fd: FIRST_FD + index })),
    );
    for (const [index, { error }] of told.entries()) {
      const fd = FIRST_FD + (refused[index] ?? 0);
      expectError(error, { code, syscall: "epoll_ctl", fd, advice: /memory|max_user_watches/ });
    }
    expect(edges).toBe(refused.includes(10) ? 1 : 2);
    const live = [0, 1, 2].map((index) => !refused.includes(index));
    expect(toldFirst).toEqual([...live.map(Number), 0]);
    expect(kept).toEqual([...live, true]);
    expect(rest).toEqual(AFTERWARDS);
  });
});
