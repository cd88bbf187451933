import { expect, test } from "bun:test";
import { type CallContext, type IOLoop, type IOLoopError, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { fail, ignore, testLoop, thrownBy } from "./support.ts";
import { stopAfter } from "./support-modes.ts";
import { Sleeper } from "./support-sleeper.ts";
import { expectIOLoopError } from "./support-system.ts";

const SIGNAL = "SIGUSR1";

/** Numbers that were watched, removed and closed; the lowest are what is opened next. */
function staleNumbers(loop: IOLoop, count: number): number[] {
  const fds = Array.from({ length: count }, () => io.pipe()).flat();
  for (const fd of fds) loop.addHandler(fd, fd % 2 === 0 ? READ : WRITE, ignore);
  for (const fd of fds) loop.removeHandler(fd);
  for (const fd of fds) io.close(fd);
  return fds;
}

/** A program that tidies up twice, and one that has not heard of the close. */
function touch(loop: IOLoop, stale: readonly number[]): void {
  for (const fd of stale) {
    expect(loop.removeHandler(fd)).toBeFalse();
    expectIOLoopError(
      thrownBy(() => loop.updateHandler(fd, 0)),
      "ENOENT",
      /it has no handler/,
    );
  }
}

test("late calls for a closed fd whose number the signals' pipe has got leave the signals alone", () => {
  using loop = testLoop();
  const stale = staleNumbers(loop, 4);
  let heard = 0;
  loop.addSignalHandler(SIGNAL, () => heard++);
  touch(loop, stale);
  loop.addCallback(() => process.kill(process.pid, SIGNAL));
  stopAfter(50, loop);
  loop.start();
  expect(heard).toBe(1);
});

test("late calls for a closed fd whose number a process has got leave its handler alone", () => {
  using loop = testLoop();
  using sleeper = new Sleeper();
  const stale = staleNumbers(loop, 4);
  let ended = false;
  loop.addChildHandler(sleeper.pid, () => {
    ended = true;
    loop.stop();
  });
  touch(loop, stale);
  loop.callLater(4000, () => fail("the end was not heard of"));
  process.kill(sleeper.pid, "SIGKILL");
  loop.start();
  expect(ended).toBeTrue();
});

test("a handler whose closed fd's number the hosting has got is refused and told of, and the run goes on", async () => {
  const reports: { code: unknown; context: CallContext }[] = [];
  const onError = (error: unknown, context: CallContext): void => {
    reports.push({ code: (error as IOLoopError).code, context });
  };
  using loop = testLoop({ onError });
  const fds = Array.from({ length: 4 }, () => io.pipe()).flat();
  for (const fd of fds) loop.addHandler(fd, READ, ignore);
  for (const fd of fds) io.close(fd);
  loop.callLater(1, () => {
    for (const fd of fds) loop.updateHandler(fd, WRITE);
    // It falls asleep in between, for which the loop's own queue must be watched still.
    loop.callLater(10, () => {
      for (const fd of fds) loop.removeHandler(fd);
      loop.callLater(10, () => loop.stop());
    });
  });
  await loop.run();
  const refused = reports.filter(({ code }) => code === "EINVAL" || code === "EBADF");
  expect(refused).toEqual(reports);
  expect(reports.map(({ code }) => code)).toContain("EINVAL");
  for (const { context } of reports) expect(context.source).toBe("update");
});
