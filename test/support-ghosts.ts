import { expect } from "bun:test";
import { type IOLoop, WRITE } from "../src/index.ts";
import type { Fds } from "./support.ts";
import { dup } from "./support-libc.ts";
import { watch } from "./support-watch.ts";

/** Sightings after which a ghost must be gone, with room for the pass that removes it. */
export const PASSES = 4;

/** A watched fd that is always ready, closed and removed, while a duplicate keeps its open file alive. */
export function makeGhost(loop: IOLoop, fds: Fds): number {
  const [a] = fds.pair();
  watch(loop, a, WRITE);
  fds.keep(dup(a));
  fds.close(a);
  loop.removeHandler(a);
  return a;
}

/** Fails when the loop does not sleep: five waits of 10 ms fill 50 ms, and a ghost may end a few at once. */
export function expectSleep(loop: IOLoop): void {
  const end = performance.now() + 50;
  let passes = 0;
  for (; performance.now() < end; passes++) loop.runOnce(10);
  expect(passes).toBeLessThanOrEqual(5 + PASSES);
}
