import { type IOLoop, READ } from "../src/index.ts";
import type { Fds } from "./support.ts";
import { poke } from "./support.ts";
import { kqueue, lacks } from "./support-backend.ts";
import { GUARD_MS } from "./support-modes.ts";

/** What a run needs from Bun to fall asleep; no test is wrong when it does not. */
export const ASLEEP_MS = 20;

/** Who wakes a sleeping hosted loop: "kernel" leaves the choice to the library, which asks io_uring where it can. */
export type Way = "kernel" | "thread";

export const WAYS: readonly (readonly [name: string, way: Way])[] = [
  ["woken by the kernel", "kernel"],
  ["woken by a thread", "thread"],
];

const WAY_SWITCH = "BUN_IOLOOP_WATCH";

/** How many fds a run takes, where a thread does without a ring: a queue, with epoll a timer, and a socket pair. */
export const FDS_PER_RUN = kqueue ? 3 : 4;

/** Whether a hosted loop sleeps as long as nothing happens, so that its rest can be measured. */
export const canSleep = !lacks("a queue that can be watched");

/** `loop.run()`, woken that way: the way is chosen at the call. */
export function runWoken(loop: IOLoop, way: Way): Promise<void> {
  const before = process.env[WAY_SWITCH];
  process.env[WAY_SWITCH] = way;
  try {
    return loop.run();
  } finally {
    if (before === undefined) delete process.env[WAY_SWITCH];
    else process.env[WAY_SWITCH] = before;
  }
}

/** The same under a guard: a loop that nobody stops fails the test instead of hanging it. */
export async function runHosted(
  loop: IOLoop,
  way: Way = "kernel",
  guardMs = GUARD_MS,
): Promise<void> {
  let late = false;
  const guard = setTimeout(() => {
    late = true;
    loop.close();
  }, guardMs);
  try {
    await runWoken(loop, way);
  } finally {
    clearTimeout(guard);
  }
  if (late) throw new Error(`the hosted loop was not stopped within ${guardMs} ms`);
}

/** What `promise` gives; fails when it does not settle in time. */
export async function soon<T>(promise: Promise<T>, guardMs = GUARD_MS): Promise<T> {
  let guard: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    guard = setTimeout(() => reject(new Error(`not settled within ${guardMs} ms`)), guardMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(guard);
  }
}

/** What `promise` rejects with; fails when it resolves. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await soon(promise);
  } catch (error) {
    return error;
  }
  throw new Error(`resolved with ${value}`);
}

/** `count` pipes that can be read, each with a handler that is told its index; their fds. */
export function addReady(
  loop: IOLoop,
  fds: Fds,
  count: number,
  handler: (index: number, fd: number) => unknown,
  mask: number = READ,
): number[] {
  return Array.from({ length: count }, (_, index) => {
    const [reader, writer] = fds.pipe();
    poke(writer);
    loop.addHandler(reader, mask, (fd) => handler(index, fd));
    return reader;
  });
}

/** A server of Bun's own on a free port. Dispose of it with `using`. */
export function serve(answer: () => Response | Promise<Response> = () => new Response("answer")) {
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
}
