import type { FdLike, IOLoop } from "../src/index.ts";

/** Adds a handler that only notes the events of each call; returns its notes. */
export function watch(loop: IOLoop, fd: FdLike, events: number): number[] {
  const seen: number[] = [];
  loop.addHandler(fd, events, (_fd, told) => {
    seen.push(told);
  });
  return seen;
}
