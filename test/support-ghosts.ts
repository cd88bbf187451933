import { expect } from "bun:test";
import { type IOLoop, WRITE } from "../src/index.ts";
import type { Fds } from "./support.ts";
import { forgetsClosed } from "./support-backend.ts";
import { dup } from "./support-libc.ts";
import { watch } from "./support-watch.ts";

/** Sightings after which a ghost must be gone, with room for the pass that removes it. */
export const PASSES = 4;

/** How often a ghost that is always ready is seen: the second time ends it. */
export const SIGHTINGS = forgetsClosed ? 0 : 2;

/** A watched fd that is always ready, closed and removed, while a duplicate keeps its open file alive. */
export function makeGhost(loop: IOLoop, fds: Fds, events: number = WRITE): number {
  const [a] = fds.pair();
  watch(loop, a, events);
  fds.keep(dup(a));
  fds.close(a);
  loop.removeHandler(a);
  return a;
}

/** Five waits of 10 ms fill 50 ms, and a ghost may end a few at once. */
const PASSES_AT_REST = 5 + PASSES;

function passesIn50Ms(loop: IOLoop): number {
  const end = performance.now() + 50;
  let passes = 0;
  for (; performance.now() < end; passes++) loop.runOnce(10);
  return passes;
}

/** Whether the loop goes on without sleep. */
export function spins(loop: IOLoop): boolean {
  return passesIn50Ms(loop) > PASSES_AT_REST;
}

/** Fails when the loop does not sleep. */
export function expectSleep(loop: IOLoop): void {
  expect(passesIn50Ms(loop)).toBeLessThanOrEqual(PASSES_AT_REST);
}

/** What loops do while nothing happens: their waits, and the processor time of this thread. */
export class Rest {
  readonly #loops: readonly IOLoop[];
  readonly #passesBefore: number;
  readonly #cpuBefore = process.threadCpuUsage();
  readonly #began = performance.now();

  /** Begins now. */
  constructor(...loops: readonly IOLoop[]) {
    this.#loops = loops;
    this.#passesBefore = this.#passes();
  }

  /** Ends it; fails when a loop did not rest. There is room for waits of 10 ms. */
  expectSleep(): void {
    const wallMs = performance.now() - this.#began;
    const { user, system } = process.threadCpuUsage(this.#cpuBefore);
    const passes = this.#passes() - this.#passesBefore;
    expect(passes).toBeLessThanOrEqual(wallMs / 10 + 2 * PASSES);
    // A loop that spins uses all of it.
    expect((user + system) / 1000).toBeLessThan(wallMs / 2);
  }

  #passes(): number {
    return this.#loops.reduce((sum, loop) => sum + loop.metrics().iterations, 0);
  }
}
