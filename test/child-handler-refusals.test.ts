import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { IOLoop, type IOLoopError, READ } from "../src/index.ts";
import { Fds, fail, ignore, openFds, testLoop, thrownBy, untyped } from "./support.ts";
import { kqueue, lacks } from "./support-backend.ts";
import { Sleeper } from "./support-sleeper.ts";
import { expectIOLoopError } from "./support-system.ts";

/** A pid that no process can have: Linux's are below 4,194,305, macOS's below 100,000. */
const NOBODY = 0x7fffffff;

test("a pid that no process has is ESRCH, and the message says why", () => {
  using loop = testLoop();
  const before = openFds();
  expectIOLoopError(
    thrownBy(() => loop.addChildHandler(NOBODY, ignore)),
    "ESRCH",
    new RegExp(String(NOBODY)),
    /no process has that pid/,
  );
  expect(loop.removeChildHandler(NOBODY)).toBeFalse();
  expect(openFds()).toBeLessThanOrEqual(before);
});

// macOS's threads have no numbers in /proc, and libkqueue says of them what it says of nobody.
test.skipIf(kqueue)("the number of a thread is refused, and the message says what it is", () => {
  using loop = testLoop();
  const thread = readdirSync("/proc/self/task")
    .map(Number)
    .find((id) => id !== process.pid);
  const error = thrownBy(() => loop.addChildHandler(thread ?? fail("no other thread"), ignore));
  expect((error as IOLoopError).code).toMatch(/^(ENOENT|EINVAL)$/);
  expect((error as IOLoopError).message).toMatch(/thread/);
});

test("a child that has ended and was reaped is ESRCH", async () => {
  using loop = testLoop();
  const child = Bun.spawn(["true"]);
  await child.exited;
  expectIOLoopError(
    thrownBy(() => loop.addChildHandler(child.pid, ignore)),
    "ESRCH",
    /reaped/,
  );
});

test("a second handler for a process throws EEXIST, and the first stays; another loop may have one too", () => {
  using loop = testLoop();
  using other = testLoop();
  using sleeper = new Sleeper();
  const called: string[] = [];
  loop.addChildHandler(sleeper.pid, () => {
    called.push("first");
    loop.stop();
  });
  expectIOLoopError(
    thrownBy(() => loop.addChildHandler(sleeper.pid, ignore)),
    "EEXIST",
    /removeChildHandler/,
  );
  other.addChildHandler(sleeper.pid, () => {
    called.push("other");
    other.stop();
  });
  process.kill(sleeper.pid, "SIGKILL");
  for (const each of [loop, other]) {
    each.callLater(4000, () => each.stop());
    each.start();
  }
  expect(called).toEqual(["first", "other"]);
});

test("what watches processes that go on is closed by removeChildHandler() and by close()", () => {
  using sleeper = new Sleeper();
  testLoop().close();
  const before = openFds();
  for (let round = 0; round < 50; round++) {
    using loop = testLoop();
    loop.addChildHandler(sleeper.pid, ignore);
    loop.addChildHandler(process.pid, ignore);
    loop.runOnce(0);
    if (round % 2 === 0) loop.removeChildHandler(process.pid);
  }
  if (!lacks("a close that is done on return")) expect(openFds()).toBeLessThanOrEqual(before);
});

test("addChildHandler returns true; once the loop is closed it throws, and removing is false", () => {
  const loop = new IOLoop();
  expect(loop.addChildHandler(process.pid, ignore)).toBeTrue();
  loop.close();
  expectIOLoopError(
    thrownBy(() => loop.addChildHandler(process.pid, ignore)),
    "ERR_LOOP_CLOSED",
  );
  expect(loop.removeChildHandler(process.pid)).toBeFalse();
});

test.each([undefined, null, "1", {}, 1n])("a pid that is no number is a TypeError", (pid) => {
  using loop = testLoop();
  expect(thrownBy(() => loop.addChildHandler(untyped(pid), ignore))).toBeInstanceOf(TypeError);
  expect(loop.removeChildHandler(untyped(pid))).toBeFalse();
});

test.each([0, -1, 1.5, 2 ** 31, Number.NaN])(
  "a pid that no process can have is a RangeError: %p",
  (pid) => {
    using loop = testLoop();
    expect(thrownBy(() => loop.addChildHandler(pid, ignore))).toBeInstanceOf(RangeError);
    expect(loop.removeChildHandler(pid)).toBeFalse();
  },
);

test.each([undefined, null, {}, "handler"])(
  "a handler that is no function is a TypeError: %p",
  (handler) => {
    using loop = testLoop();
    expect(thrownBy(() => loop.addChildHandler(process.pid, untyped(handler)))).toBeInstanceOf(
      TypeError,
    );
    expect(loop.removeChildHandler(process.pid)).toBeFalse();
  },
);

test("a process whose fd would get the number of a file that was closed under its handler is EEXIST, and no fd stays", () => {
  using loop = testLoop();
  using fds = new Fds();
  using sleeper = new Sleeper();
  const [reader] = fds.pipe();
  loop.addHandler(reader, READ, ignore);
  fds.close(reader);
  const before = openFds();
  // The kernel gives the lowest number that is free.
  expectIOLoopError(
    thrownBy(() => loop.addChildHandler(sleeper.pid, ignore)),
    "EEXIST",
    /perhaps of a closed file/,
  );
  expect(openFds()).toBeLessThanOrEqual(before);
  expect(loop.removeHandler(reader)).toBeTrue();
  expect(loop.addChildHandler(sleeper.pid, ignore)).toBeTrue();
});
