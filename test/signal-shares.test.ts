import { describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { READ } from "../src/index.ts";
import { Fds, ignore, openFds, run, runUntilTrue, testLoop, thrownBy } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { CHILD_TEST_MS, runChild } from "./support-child.ts";
import { expectIOLoopError } from "./support-system.ts";

const SIGNAL = "SIGUSR2";
const raise = (): boolean => process.kill(process.pid, SIGNAL);

describe("loops share a signal", () => {
  test("and one that gives it up takes nothing from process.on while another blocks", () => {
    using loop = testLoop();
    using other = testLoop();
    let heard = 0;
    const listener = (): void => {
      heard++;
      if (heard === 1) {
        other.removeSignalHandler(SIGNAL);
        other.close();
        raise();
      } else {
        loop.stop();
      }
    };
    process.on(SIGNAL, listener);
    other.addSignalHandler(SIGNAL, ignore);
    loop.addCallback(raise);
    run(loop);
    process.off(SIGNAL, listener);
    expect(heard).toBe(2);
  });

  test(
    "which ends the process again when the last of them and of the listeners has gone",
    async () => {
      const { stdout, code } = await runChild("signal-shared.ts");
      expect(stdout).toBe("heard\n");
      expect(code).toBe(128 + constants.signals[SIGNAL]);
    },
    CHILD_TEST_MS,
  );
});

test("a handler that replaces itself leaves what else has come to the new one", () => {
  using loop = testLoop();
  const calls: string[] = [];
  loop.addSignalHandler(SIGNAL, () => {
    calls.push("first");
    loop.addSignalHandler(SIGNAL, () => calls.push("second"));
  });
  for (let count = 0; count < 3; count++) raise();
  runUntilTrue(loop, () => calls.length === 3);
  expect(calls).toEqual(["first", "second", "second"]);
});

/** Whether a registration failed, as the number of the signals' pipe has a handler of a closed file, and was made good. */
function isMadeGood(): boolean {
  using fds = new Fds();
  using loop = testLoop();
  const pair = fds.pipe();
  const [reader] = pair;
  loop.addHandler(reader, READ, ignore);
  for (const fd of pair) fds.close(fd);
  try {
    loop.addSignalHandler(SIGNAL, ignore);
    return false;
  } catch (error) {
    expectIOLoopError(error, "EEXIST");
  }
  loop.removeHandler(reader);
  let heard = 0;
  loop.addSignalHandler(SIGNAL, () => heard++);
  raise();
  runUntilTrue(loop, () => heard === 1);
  return true;
}

test("a registration that fails is made good by the next one, and leaves no fd behind", () => {
  testLoop().close();
  const before = openFds();
  // Another test's fd that closes late can take the number's place.
  let attempts = 0;
  while (!isMadeGood()) expect(attempts++).toBeLessThan(20);
  if (!lacks("a close that is done on return")) expect(openFds()).toBeLessThanOrEqual(before);
});

test.each([32, 33, 34])("%d, which the C library keeps for its threads, is no signal", (number) => {
  using loop = testLoop();
  expect(thrownBy(() => loop.addSignalHandler(number, ignore))).toBeInstanceOf(RangeError);
});
