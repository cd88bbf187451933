import { expect } from "bun:test";
import { type IOLoop, READ } from "../src/index.ts";
import { fail, ignore } from "./support.ts";
import { type Mode, runIn } from "./support-modes.ts";

/** Runs `loop` in `mode` until `work`, which it calls, has settled; hands over the outcome. */
export async function settle<T>(mode: Mode, loop: IOLoop, work: () => Promise<T>): Promise<T> {
  const outcome = Promise.withResolvers<T>();
  outcome.promise.catch(ignore);
  loop.addCallback(async () => {
    try {
      outcome.resolve(await work());
    } catch (error) {
      outcome.reject(error);
    }
    loop.stop();
  });
  await runIn(mode, loop);
  return outcome.promise;
}

/** What `promise` rejects with; fails when it resolves. */
export function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => fail(`nothing was rejected, but resolved: ${value}`),
    (reason) => reason,
  );
}

/** Nobody watches `fd`: a handler can be added at once, and is the first. */
export function expectFree(loop: IOLoop, fd: number): void {
  expect(loop.addHandler(fd, READ, ignore)).toBeTrue();
  expect(loop.removeHandler(fd)).toBeTrue();
}

/** A loop that does not run has no timer and no callback left. */
export function expectNothingDue(loop: IOLoop): void {
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
}
