import { describe, expect, test } from "bun:test";
import { expectError, Played } from "./support-fault-outcomes.ts";
import { WAYS } from "./support-hosted.ts";
import { whyUntraceable } from "./support-trace.ts";

const played = await Played.by("fault-hosted.ts", whyUntraceable());
const skipped = played.reason !== undefined;
const suite = describe.skipIf(skipped);

const withRing = played.find("undisturbed")?.["ring"] === true;
if (!skipped && !withRing)
  console.warn("io_uring is not to be had here: its faults are not injected");

/** What a run that was not refused, or the next one, has served. */
const SERVED = { running: false, bytes: 3, timers: 1, leaked: 0 };

suite("run() under", () => {
  test.each([
    ["epoll_create1:error=EMFILE:when=1", "EMFILE", /ulimit -n/],
    ["timerfd_create:error=ENFILE:when=1", "ENFILE", /fs\.file-max/],
    ["epoll_ctl:error=ENOSPC:when=1", "ENOSPC", /fs\.epoll\.max_user_watches/],
    ["epoll_ctl:error=ENOMEM:when=2", "ENOMEM", /out of memory/],
    ["socketpair:error=EMFILE:when=1", "EMFILE", /ulimit -n/],
    ["socketpair:error=ENFILE:when=1", "ENFILE", /fs\.file-max/],
  ])("%s rejects with %s, leaves no fd, and can run again", (fault, code, advice) => {
    const { error, ...rest } = played.of(`begin ${fault}`);
    expectError(error, { code, syscall: "watch", advice });
    expect(rest).toEqual({ ...SERVED, hits: 1, left: 0, again: "none" });
  });

  test.each([
    "io_uring_setup:error=ENOSYS:when=1",
    "io_uring_setup:error=EPERM:when=1",
    "io_uring_setup:error=ENOMEM:when=1",
  ])("%s has a thread watch instead", (fault) => {
    expect(played.of(`begin ${fault}`)).toEqual({
      ...SERVED,
      error: "none",
      hits: 1,
      again: "not needed",
      ring: false,
    });
  });
});

suite("run() without a ring and a thread", () => {
  test("rejects with EAGAIN, leaves no fd, and can run again", () => {
    const { error, ...rest } = played.of("begin without a thread");
    expectError(error, { code: "EAGAIN", syscall: "watch", advice: /ulimit -n, ulimit -u/ });
    expect(rest).toEqual({ ...SERVED, hits: 2, left: 0, again: "none" });
  });

  test("leaves no fd also where there is no memory to find out who has it", () => {
    const { error, ...rest } = played.of("begin without a thread or room to say so");
    expect(error).toMatchObject({ code: "EAGAIN" });
    expect(rest).toEqual({ ...SERVED, hits: 3, left: 0, again: "none" });
  });
});

suite("run() where Bun does not take its socket", () => {
  test("rejects, leaves no fd, and can run again", () => {
    const { error, left: _closedLater, ...rest } = played.of("begin without Bun");
    expect(error).toMatchObject({ code: "ERR_BRIDGE_LOST" });
    expect(rest).toEqual({ ...SERVED, hits: 1, again: "none" });
  });
});

const undisturbed = { ...SERVED, error: "none", again: "not needed" };

describe.skipIf(!withRing)("a hosted loop whose ring fails", () => {
  test.each(["EAGAIN", "EBUSY"])("with %s is watched by a thread from then on", (code) => {
    for (const when of [1, 2]) {
      const outcome = played.of(`asleep io_uring_enter:error=${code}:when=${when}`);
      expect(outcome).toEqual({ ...undisturbed, hits: 1 });
    }
  });

  test("where no thread can be had rejects with EAGAIN, says what it takes, and can run again", () => {
    const { error, ...rest } = played.of("asleep without a thread");
    expect(error).toMatchObject({
      code: "EAGAIN",
      message: expect.stringMatching(/ulimit -n, ulimit -u/),
    });
    expect(rest).toEqual({ ...SERVED, hits: 2, again: "none" });
  });
});

suite.each(WAYS)("a hosted loop, %s,", (_name, way) => {
  test("that cannot be armed rejects with the kernel's error, and can run again", () => {
    const { error, ...rest } = played.of(`asleep epoll_ctl:error=ENOMEM:when=1 ${way}`);
    expectError(error, {
      code: "ENOMEM",
      syscall: "epoll_ctl",
      fd: "poller",
      advice: /out of memory/,
    });
    expect(rest).toEqual({ ...SERVED, hits: 1, again: "none" });
  });

  test("takes EINTR for no event, and loses none", () => {
    const outcome = played.of(`asleep epoll_pwait:error=EINTR:when=1..3 ${way}`);
    expect(outcome).toEqual({ ...undisturbed, hits: 3 });
  });
});

suite("a thread that watches", () => {
  test.each(["EINTR", "ENOBUFS"])("tells of an event though its send fails with %s", (code) => {
    const { hits, ...rest } = played.of(`told ${code}`);
    expect(hits).toBeGreaterThanOrEqual(1);
    expect(rest).toEqual(undisturbed);
  });
});
