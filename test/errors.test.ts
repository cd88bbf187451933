import { expect, test } from "bun:test";
import { systemError } from "../src/errors.ts";
import { type CallContext, EDGE, IOLoop, IOLoopError, READ, WRITE } from "../src/index.ts";
import { Fds, fail, ignore, poke, run, testLoop, thrownBy } from "./support.ts";
import { CONTROL } from "./support-backend.ts";
import { busy } from "./support-clock.ts";

type Report = readonly [unknown, CallContext];

/** A loop that keeps what `onError` is told. */
function keepingLoop(): { loop: IOLoop; reports: Report[] } & Disposable {
  const reports: Report[] = [];
  const loop = new IOLoop({ onError: (error, context) => reports.push([error, context]) });
  return { loop, reports, [Symbol.dispose]: () => loop.close() };
}

test("a handler that throws is reported and removed, and the others go on", () => {
  using kept = keepingLoop();
  using fds = new Fds();
  const { loop, reports } = kept;
  const pipes = [fds.pipe(), fds.pipe(), fds.pipe()];
  const bad = pipes[1]?.[0] ?? -1;
  let good = 0;
  for (const [reader, writer] of pipes) {
    poke(writer);
    loop.addHandler(reader, READ, () => (reader === bad ? fail("bad handler") : good++));
  }
  expect(loop.runOnce(0)).toBe(3);
  expect(loop.runOnce(0)).toBe(2);
  expect(good).toBe(4);
  expect(reports).toEqual([[new Error("bad handler"), { source: "handler", fd: bad }]]);
  expect(loop.removeHandler(bad)).toBeFalse();
});

test("a handler that throws stays away unless it had added its fd again", () => {
  using kept = keepingLoop();
  using fds = new Fds();
  const { loop, reports } = kept;
  const [reader, writer] = fds.pipe();
  poke(writer);
  let calls = 0;
  loop.addHandler(reader, READ, () => {
    loop.removeHandler(reader);
    loop.addHandler(reader, READ, () => calls++);
    fail("after adding again");
  });
  loop.runOnce(0);
  loop.runOnce(0);
  expect([calls, reports.length]).toEqual([1, 1]);
});

test("a handler that throws after it removed itself is reported", () => {
  using kept = keepingLoop();
  using fds = new Fds();
  const { loop, reports } = kept;
  const [reader, writer] = fds.pipe();
  poke(writer);
  loop.addHandler(reader, READ, () => {
    loop.removeHandler(reader);
    fail("after removing");
  });
  loop.runOnce(0);
  expect(loop.runOnce(0)).toBe(0);
  expect(reports.length).toBe(1);
});

test("the fd of a handler object is named by its number", () => {
  using kept = keepingLoop();
  using fds = new Fds();
  const { loop, reports } = kept;
  const [fd] = fds.pair();
  loop.addHandler({ fd }, WRITE, () => fail("by an object"));
  loop.runOnce(0);
  expect(reports).toEqual([[new Error("by an object"), { source: "handler", fd }]]);
});

test("a callback, timeout or interval that throws is reported with its source and ref, and the rest runs", () => {
  using kept = keepingLoop();
  const { loop, reports } = kept;
  const ran: string[] = [];
  const timeout = loop.callLater(0, () => fail("timeout"));
  const interval = loop.setInterval(1, () => fail("interval"));
  loop.addCallback(() => fail("callback"));
  loop.callLater(0, () => ran.push("timeout"));
  loop.setInterval(1, () => ran.push("interval"));
  loop.addCallback(() => ran.push("callback"));
  busy(1);
  loop.runOnce(0);
  expect(ran).toEqual(["timeout", "interval", "callback"]);
  expect(reports).toEqual([
    [new Error("timeout"), { source: "timeout", ref: timeout }],
    [new Error("interval"), { source: "interval", ref: interval }],
    [new Error("callback"), { source: "callback" }],
  ]);
});

test("whatever is thrown reaches onError as it is", () => {
  using kept = keepingLoop();
  const { loop, reports } = kept;
  const values = [undefined, null, 0, "text", { plain: "object" }];
  for (const value of values) {
    loop.addCallback(() => {
      throw value;
    });
    loop.addCallback(async () => {
      throw value;
    });
  }
  loop.runOnce(0);
  expect(reports.map(([error]) => error)).toEqual(values.flatMap((value) => [value, value]));
});

test("a promise that is returned and rejects is reported with its source", () => {
  using kept = keepingLoop();
  const { loop, reports } = kept;
  const reject = async (source: string): Promise<never> => {
    await null;
    return fail(source);
  };
  const timeout = loop.callLater(0, () => reject("timeout"));
  const interval = loop.setInterval(1, () => reject("interval"));
  loop.addCallback(() => reject("callback"));
  busy(1);
  loop.runOnce(0);
  expect(reports).toEqual([
    [new Error("timeout"), { source: "timeout", ref: timeout }],
    [new Error("interval"), { source: "interval", ref: interval }],
    [new Error("callback"), { source: "callback" }],
  ]);
});

test("a handler whose promise rejects is reported each time, and stays", () => {
  using kept = keepingLoop();
  using fds = new Fds();
  const { loop, reports } = kept;
  const [reader, writer] = fds.pipe();
  poke(writer);
  loop.addHandler(reader, READ, async () => fail("async handler"));
  loop.runOnce(0);
  loop.runOnce(0);
  const expected: Report = [new Error("async handler"), { source: "handler", fd: reader }];
  expect(reports).toEqual([expected, expected]);
  expect(loop.removeHandler(reader)).toBeTrue();
});

test("a rejection that comes later, in another call's microtasks, is reported with its own source", () => {
  using kept = keepingLoop();
  const { loop, reports } = kept;
  const { promise, reject } = Promise.withResolvers<void>();
  const ref = loop.callLater(0, () => promise);
  loop.runOnce(0);
  expect(reports).toEqual([]);
  loop.addCallback(() => reject(new Error("late")));
  loop.runOnce(0);
  expect(reports).toEqual([[new Error("late"), { source: "timeout", ref }]]);
});

test("a thenable that throws in then() is reported like any other error", () => {
  using kept = keepingLoop();
  const { loop, reports } = kept;
  // biome-ignore lint/suspicious/noThenProperty: a foreign promise is what this is about.
  loop.addCallback(() => ({ then: () => fail("in then") }));
  loop.runOnce(0);
  expect(reports).toEqual([[new Error("in then"), { source: "callback" }]]);
});

test("onError may use the loop: remove, add, stop", () => {
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  let calls = 0;
  using loop: IOLoop = new IOLoop({
    onError() {
      expect(loop.removeHandler(reader)).toBeFalse();
      loop.addHandler(reader, READ, () => {
        calls++;
        loop.stop();
      });
    },
  });
  loop.addHandler(reader, READ, () => fail("replaced by onError"));
  run(loop);
  expect(calls).toBe(1);
});

test("an IOLoopError names code, errno, system call and fd, and says what to do", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader] = fds.pipe();
  loop.addHandler(reader, READ | EDGE, () => {});
  const cases: readonly [() => unknown, Partial<IOLoopError>, RegExp][] = [
    [
      () => loop.addHandler(reader, READ, ignore),
      { code: "EEXIST", errno: 17, syscall: CONTROL, fd: reader },
      /updateHandler|removeHandler/,
    ],
    [
      () => loop.addHandler(1 << 20, READ, ignore),
      { code: "EBADF", errno: 9, fd: 1 << 20 },
      /open/,
    ],
    [() => loop.updateHandler(1 << 20, READ), { code: "ENOENT", errno: 2 }, /addHandler/],
    [
      () => loop.runUntil(() => loop.start(), { timeout: 1000 }),
      { code: "ERR_LOOP_RUNNING", errno: undefined, syscall: undefined, fd: undefined },
      /return to it/,
    ],
  ];
  for (const [attempt, fields, advice] of cases) {
    const error = thrownBy(attempt);
    expect(error).toBeInstanceOf(IOLoopError);
    expect(error).toBeInstanceOf(Error);
    const { name, message, stack, code, errno, syscall, fd } = error as IOLoopError;
    expect({ name, code, errno, syscall, fd }).toMatchObject({ name: "IOLoopError", ...fields });
    expect(message).toMatch(advice);
    expect(stack).toContain("errors.test.ts");
  }
});

test("an errno that the system has no name for is told by its number", () => {
  expect(systemError(4094, "epoll_ctl", 7)).toMatchObject({
    code: "E4094",
    errno: 4094,
    syscall: "epoll_ctl",
    fd: 7,
  });
});
