import { describe, expect, test } from "bun:test";
import { expectError, Played } from "./support-fault-outcomes.ts";
import { whyUntraceable } from "./support-trace.ts";

const played = await Played.by("fault-open.ts", whyUntraceable());
const suite = describe.skipIf(played.reason !== undefined);

/** What is lacking, and what the message says of it. */
const ADVICE: Readonly<Record<string, RegExp>> = {
  EMFILE: /ulimit -n/,
  ENFILE: /fs\.file-max/,
  ENOMEM: /out of memory/,
  ENOSPC: /fs\.epoll\.max_user_watches/,
  ELOOP: /in a circle/,
  ENOSYS: /Linux 5\.3/,
  ESRCH: /was reaped already/,
  EINVAL: /./,
};

function expectRefusal(error: unknown, fault: string, syscall: string, fd?: unknown): void {
  const code = /error=(\w+)/.exec(fault)?.[1] ?? "";
  expectError(error, { code, syscall, fd, advice: ADVICE[code] ?? /./ });
}

suite("new IOLoop() under", () => {
  test.each([
    "epoll_create1:error=EMFILE",
    "epoll_create1:error=ENFILE",
    "epoll_create1:error=ENOMEM",
    "eventfd2:error=EMFILE",
    "eventfd2:error=ENFILE",
    "eventfd2:error=ENOMEM",
    "epoll_ctl:error=ENOMEM",
    "epoll_ctl:error=ENOSPC",
  ])("%s throws it, leaves no fd, and works afterwards", (fault) => {
    const { error, ...rest } = played.of(`loop ${fault}`);
    expectRefusal(error, fault, "epoll_create1");
    expect(rest).toEqual({ hits: 1, left: 0, works: true, leaked: 0 });
  });
});

suite("loop.fd under", () => {
  test.each([
    ["epoll_create1:error=EMFILE", "epoll_create1"],
    ["epoll_create1:error=ENOMEM", "epoll_create1"],
    ["epoll_ctl:error=ENOSPC", "epoll_create1"],
    ["epoll_ctl:error=ELOOP", "epoll_ctl"],
  ])("%s throws it, leaves no fd, and can be watched afterwards", (fault, syscall) => {
    const { error, ...rest } = played.of(`loop.fd ${fault}`);
    expectRefusal(error, fault, syscall);
    expect(rest).toEqual({ hits: 1, left: 0, events: 1, leaked: 0 });
  });
});

suite("addSignalHandler() under", () => {
  test.each([
    ["pipe2:error=EMFILE:when=1", "pipe", 0],
    ["pipe2:error=ENFILE:when=1", "pipe", 0],
    // The pipe is kept for the next attempt, until the loop is closed.
    ["epoll_ctl:error=ENOSPC:when=1", "epoll_ctl", 2],
    ["rt_sigaction:error=EINVAL:when=1", "sigaction", 2],
    ["rt_sigaction:error=EINVAL:when=2", "sigaction", 2],
  ])("%s throws it, handles nothing, and hears each signal afterwards", (fault, syscall, left) => {
    const { error, ...rest } = played.of(`signal ${fault}`);
    const fd = syscall === "epoll_ctl" ? expect.any(Number) : undefined;
    expectRefusal(error, fault, syscall, fd);
    expect(rest).toEqual({ hits: 1, left, removed: false, caught: false, signals: 3, leaked: 0 });
  });
});

suite("addChildHandler() under", () => {
  test.each([
    ["pidfd_open:error=EMFILE:when=1", "pidfd_open"],
    ["pidfd_open:error=ENFILE:when=1", "pidfd_open"],
    ["pidfd_open:error=ENOMEM:when=1", "pidfd_open"],
    ["pidfd_open:error=ENOSYS:when=1", "pidfd_open"],
    ["pidfd_open:error=ESRCH:when=1", "pidfd_open"],
    ["epoll_ctl:error=ENOSPC:when=1", "epoll_ctl"],
  ])("%s throws it, leaves no fd, and hears of the end afterwards", (fault, syscall) => {
    const { error, ...rest } = played.of(`child ${fault}`);
    const fd = syscall === "epoll_ctl" ? expect.any(Number) : undefined;
    expectRefusal(error, fault, syscall, fd);
    expect(rest).toEqual({
      hits: 1,
      left: 0,
      removed: false,
      told: [{ exitCode: 0, signalCode: null }],
      leaked: 0,
    });
  });

  test.each(["ECHILD", "EINVAL", "ENOSYS"])(
    "waitid:error=%s tells the end once, without a status",
    (code) => {
      const outcome = played.of(`status ${code}`);
      expect(outcome).toEqual({ hits: 1, told: ["unknown"], removed: false, leaked: 0 });
    },
  );
});

suite("waker()", () => {
  test("takes nothing from the system that it could lack", () => {
    expect(played.of("waker")).toEqual({ woken: 1, hits: 0, leaked: 0 });
  });
});
