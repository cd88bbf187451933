import { describe, expect, test } from "bun:test";
import { READ, WRITE } from "../src/events.ts";
import { expectError, Played } from "./support-fault-outcomes.ts";
import { MODES } from "./support-modes.ts";
import { whyUntraceable } from "./support-trace.ts";

const played = await Played.by("fault-control.ts", whyUntraceable());
const skipped = played.reason !== undefined;
const suite = describe.skipIf(skipped);

const FD = 700;

/** What the kernel may answer to a registration, and what its message says. */
const ADVICE: Readonly<Record<string, RegExp>> = {
  ENOMEM: /out of memory/,
  ENOSPC: /fs\.epoll\.max_user_watches/,
  EPERM: /a regular file, a directory or \/dev\/null is always ready/,
  EBADF: /not open/,
  ELOOP: /in a circle/,
  EINVAL: /use another fd/,
};

function expectRefusal(error: unknown, code: string): void {
  expectError(error, { code, syscall: "epoll_ctl", fd: FD, advice: ADVICE[code] ?? /./ });
}

suite("a registration that the kernel refuses", () => {
  test.each(Object.keys(ADVICE))(
    "with %s is thrown, leaves nothing, and can be tried again",
    (code) => {
      const { error, ...rest } = played.of(`add ${code}`);
      expectRefusal(error, code);
      expect(rest).toEqual({ hits: 1, unheard: 0, removed: false, heard: 1, leaked: 0 });
    },
  );

  test("of a number whose old file is back is thrown, and the next one is heard", () => {
    const { error, ...rest } = played.of("add a duplicate that is back");
    expectRefusal(error, "ENOMEM");
    expect(rest).toEqual({ hits: 1, heard: 1, seen: [READ], leaked: 0 });
  });

  test("when it is paused again is thrown, and tells nobody anything", () => {
    const { error, ...rest } = played.of("add a pause");
    expectRefusal(error, "ENOMEM");
    expect(rest).toEqual({ hits: 1, unheard: 0, heard: 1, leaked: 0 });
  });

  test.each([
    ["readable", READ],
    ["writable", WRITE],
    ["events", WRITE],
  ])("is what %s() rejects with, and the fd is free afterwards", (name, told) => {
    const { error, ...rest } = played.of(name);
    expectRefusal(error, "ENOSPC");
    expect(rest).toEqual({ hits: 1, told, leaked: 0 });
  });

  test("of the second direction to await rejects that one, and the first goes on", () => {
    const { error, ...rest } = played.of("second direction");
    expectRefusal(error, "ENOMEM");
    expect(rest).toEqual({ hits: 1, first: READ, second: WRITE, leaked: 0 });
  });
});

/** What each handler is told of one byte, under its mask before the change and under the one after. */
const CHANGES = [
  ["change", [READ], [READ | WRITE, WRITE]],
  ["pause", [READ], []],
  ["resume", [], [READ]],
] as const;

suite.each(CHANGES)("a %s of a mask that the kernel refuses", (change, before, after) => {
  test(`outside an iteration is thrown, and the old mask stays`, () => {
    const { error, ...rest } = played.of(`${change} outside`);
    expectRefusal(error, "ENOMEM");
    expect(rest).toEqual({ hits: 1, seenBefore: [...before], seenAfter: [...after], leaked: 0 });
  });

  test.each(MODES)(`in %s goes to onError and ends that handler, and the others live`, (mode) => {
    const { reports, ...rest } = played.of(`${change} in ${mode}`);
    expect(reports).toEqual([
      { error: expect.anything(), context: { source: "update", fd: FD }, removed: true },
    ]);
    expectRefusal((reports as { error: unknown }[])[0]?.error, "ENOMEM");
    // The fd can be added again.
    expect(rest).toEqual({ hits: 1, others: "event", seen: [WRITE], leaked: 0 });
  });
});

suite("a change that the kernel refuses", () => {
  test("leaves the others of the same iteration alone", () => {
    expect(played.of("one of two")).toEqual({ reports: 1, hits: 1, seen: [0, 1], leaked: 0 });
  });

  test("is reported before runOnce() returns, where its last handler made it", () => {
    expect(played.of("after the last handler")).toEqual({
      reports: [{ source: "update", fd: FD }],
      hits: 1,
      removed: true,
      leaked: 0,
    });
  });

  test("for a number that names another file by now is thrown, and the next change is heard", () => {
    const { error, ...rest } = played.of("change under a new file");
    expectRefusal(error, "ENOSPC");
    expect(rest).toEqual({ hits: 1, unheard: 0, heard: 1, seen: [READ], leaked: 0 });
  });

  test("when one of two awaited directions is over rejects the other one, and is reported", () => {
    const { reports, second, ...rest } = played.of("the other direction is over");
    for (const error of reports as unknown[]) expectRefusal(error, "ENOMEM");
    expect(reports).toBeArrayOfSize(1);
    expect(second).toMatchObject({ code: "ECANCELED", fd: FD });
    expect(rest).toEqual({ first: WRITE, hits: 1, again: READ, leaked: 0 });
  });
});

suite.each(["ENOMEM", "EINVAL"])("a removal that the kernel refuses with %s", (code) => {
  test("is true all the same, tells nobody anything, and does not make the loop spin", () => {
    expect(played.of(`remove ${code}`)).toEqual({
      removed: true,
      hits: 1,
      seen: [],
      spins: false,
      again: [READ],
      seenOther: [READ],
      leaked: 0,
    });
  });

  test("lets the fd be added again", () => {
    expect(played.of(`remove ${code} and add again`)).toEqual({
      hits: 1,
      seen: [],
      again: [READ],
      leaked: 0,
    });
  });
});
