import type { Callback } from "./callback-queue.ts";

/** A repeating call on a fixed grid: start, start + period, start + 2 periods, ... on the loop's clock. */
export interface Interval {
  readonly start: number;
  readonly period: number;
  readonly func: Callback;
  /** An async tick has not settled yet: beats are skipped until it has. */
  pending: boolean;
}

/**
 * The first beat after `now`. It is counted from the start, never added up, so the grid does not drift,
 * and the beats that a stall swallowed are not made up for.
 */
export function nextBeat({ start, period }: Interval, now: number): number {
  const beats = Math.floor((now - start) / period) + 1;
  const next = start + beats * period;
  // Rounding can put a very short period's beat on `now` itself.
  return next > now ? next : start + (beats + 1) * period;
}
