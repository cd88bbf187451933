import { describe, expect, test } from "bun:test";
import { WOULD_BLOCK } from "../src/io.ts";
import { expectError, Played } from "./support-fault-outcomes.ts";
import { whyUntraceable } from "./support-trace.ts";

const played = await Played.by("fault-io.ts", whyUntraceable());
const suite = describe.skipIf(played.reason !== undefined);

const BYTES = 5;

/** What each function answers where its system call fails with EINTR, or EAGAIN; and what it can do afterwards. */
const ANSWERS = [
  ["read", "recvfrom", BYTES, WOULD_BLOCK],
  ["read from a pipe", "read", BYTES, WOULD_BLOCK],
  ["write", "sendto", BYTES, BYTES],
  ["write to a pipe", "write", BYTES, BYTES],
  ["receive", "recvfrom", BYTES, WOULD_BLOCK],
  ["send", "sendto", BYTES, BYTES],
  ["accept", "accept4", "accepted", WOULD_BLOCK],
] as const;

suite.each(ANSWERS)("%s", (name, call, done, again) => {
  test("tries again after EINTR", () => {
    const outcome = played.of(`${name}, ${call}:error=EINTR:when=1..3`);
    expect(outcome).toEqual({ told: done, hits: 3, again, leaked: 0 });
  });

  test("answers WOULD_BLOCK for EAGAIN, and its work is still there", () => {
    const outcome = played.of(`${name}, ${call}:error=EAGAIN`);
    expect(outcome).toEqual({ told: WOULD_BLOCK, hits: 1, again: done, leaked: 0 });
  });
});

suite("read", () => {
  test.each(["EPERM", "ENOSYS"])("reads where a filter refuses to receive: %s", (code) => {
    const outcome = played.of(`read, recvfrom:error=${code}`);
    expect(outcome).toEqual({ told: BYTES, hits: 1, again: WOULD_BLOCK, leaked: 0 });
  });
});

suite("accept", () => {
  test.each(["ECONNABORTED", "EPROTO"])("takes the next connection where one has %s", (code) => {
    const outcome = played.of(`accept, accept4:error=${code}:when=1..3`);
    expect(outcome).toEqual({ told: "accepted", hits: 3, again: WOULD_BLOCK, leaked: 0 });
  });
});

suite("connect", () => {
  test.each(["EINTR:when=1", "EINPROGRESS"])(
    "goes on connecting where the kernel says %s",
    (fault) => {
      const outcome = played.of(`connect, connect:error=${fault}`);
      expect(outcome).toEqual({ told: "opened", hits: 1, again: "opened", leaked: 0 });
    },
  );
});

suite("close", () => {
  test("is done where EINTR ended it, and nothing is closed twice", () => {
    const outcome = played.of("close, close:error=EINTR:when=1");
    expect(outcome).toEqual({ told: "done", hits: 1, again: "done", leaked: 0 });
  });
});

/** What is thrown: by which function, under what fault, as which call's error, and what to do; what it answers then. */
const THROWN: readonly (readonly [
  name: string,
  syscall: string,
  again: unknown,
  faults: Readonly<Record<string, RegExp>>,
])[] = [
  [
    "read",
    "read",
    BYTES,
    {
      "recvfrom:error=EIO": /close the fd/,
      "recvfrom:error=ENOMEM": /out of memory/,
    },
  ],
  ["read from a pipe", "read", BYTES, { "read:error=EIO": /close the fd/ }],
  [
    "write",
    "write",
    BYTES,
    {
      "sendto:error=ENOBUFS": /try again later/,
      "sendto:error=EPIPE": /peer has gone/,
    },
  ],
  ["write to a pipe", "write", BYTES, { "write:error=EPIPE": /peer has gone/ }],
  [
    "receive",
    "recvfrom",
    BYTES,
    {
      "recvfrom:error=ECONNREFUSED": /nothing listens/,
      "recvfrom:error=ENOTSOCK": /not a socket/,
    },
  ],
  [
    "send",
    "sendto",
    BYTES,
    {
      "sendto:error=ENOBUFS": /try again later/,
      "sendto:error=EMSGSIZE": /send less/,
    },
  ],
  [
    "accept",
    "accept",
    "accepted",
    {
      "accept4:error=EMFILE": /ulimit -n/,
      "accept4:error=ENOBUFS": /try again later/,
    },
  ],
  [
    "connect",
    "connect",
    "opened",
    {
      "socket:error=EMFILE": /ulimit -n/,
      "connect:error=EAGAIN": /try again later/,
      "connect:error=ENETUNREACH": /./,
    },
  ],
  [
    "connect a stream",
    "connect",
    "opened",
    {
      "setsockopt:error=ENOMEM": /out of memory/,
      "connect:error=ETIMEDOUT": /./,
    },
  ],
  [
    "listen",
    "listen",
    "opened",
    {
      "socket:error=ENFILE": /fs\.file-max/,
      "setsockopt:error=ENOBUFS:when=1": /try again later/,
      "setsockopt:error=ENOMEM:when=2": /out of memory/,
      "setsockopt:error=EPERM:when=3": /not permitted/,
      "bind:error=EADDRINUSE": /another port/,
      "listen:error=EADDRINUSE": /another port/,
    },
  ],
  ["socketpair", "socketpair", "opened", { "socketpair:error=EMFILE": /ulimit -n/ }],
  ["pipe", "pipe", "opened", { "pipe2:error=EMFILE": /ulimit/ }],
  ["close", "close", "done", { "close:error=EIO": /./ }],
  ["shutdown", "shutdown", "done", { "shutdown:error=ENOTCONN": /not connected/ }],
  [
    "setNonBlocking",
    "fcntl",
    "done",
    { "fcntl:error=EBADF:when=1": /not open/, "fcntl:error=EPERM:when=2": /not permitted/ },
  ],
  ["localPort", "getsockname", true, { "getsockname:error=ENOBUFS": /try again later/ }],
  ["socketError", "getsockopt", 0, { "getsockopt:error=ENOBUFS": /try again later/ }],
];

/** The fd is told where there was one before the call. */
const MADE_BY = /^(connect|listen|socketpair|pipe)$/;

suite.each(THROWN)("%s", (name, syscall, again, faults) => {
  test.each(Object.entries(faults))(
    "under %s throws it, leaks nothing, and works again",
    (fault, advice) => {
      const { told, ...rest } = played.of(`${name}, ${fault}`);
      const code = /error=(\w+)/.exec(fault)?.[1] ?? "";
      const fd = MADE_BY.test(syscall) ? undefined : 700;
      expectError(told, { code, syscall, fd, advice });
      expect(rest).toEqual({ hits: 1, again, leaked: 0 });
    },
  );
});
