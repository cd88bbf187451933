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
  let next = start + beats * period;
  // Rounding can put a beat on `now` itself.
  if (next <= now) next = start + (beats + 1) * period;
  // A period below the clock's resolution has no grid: it beats as soon as the clock has moved.
  return next > now && Number.isFinite(next) ? next : now + Math.max(now, 1) * Number.EPSILON;
}
