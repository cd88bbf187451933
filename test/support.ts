import { readdirSync, readFileSync } from "node:fs";
import { IOLoop, type IOLoopOptions } from "../src/index.ts";
import * as io from "../src/io.ts";

/** Far above what any test needs on a slow machine, far below the runner's own limit. */
const GUARD_MS = 5000;
const TASKS = "/proc/self/task";
const MAX_WAIT_MS = 3600;

/**
 * A loop whose errors leave `start()`, so that they fail the test, as a wait does that nothing ends. Dispose of it with
 * `using`.
 */
export function testLoop(options: IOLoopOptions = {}): IOLoop {
  return new IOLoop({
    maxWait: MAX_WAIT_MS,
    onError(error) {
      throw error;
    },
    ...options,
  });
}

/** "ms" is the fallback for kernels without nanoseconds; "ns" leaves the choice to the process. */
export type TimeoutMode = "ns" | "ms";

const TIMEOUT_SWITCH = "BUN_IOLOOP_TIMEOUT";

/** What `make` makes while waits are switched to `mode`; a poller keeps the mode that it was made in. */
export function withTimeoutMode<T>(mode: TimeoutMode, make: () => T): T {
  const before = process.env[TIMEOUT_SWITCH];
  process.env[TIMEOUT_SWITCH] = mode;
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env[TIMEOUT_SWITCH];
    else process.env[TIMEOUT_SWITCH] = before;
  }
}

/** `loop.start()` under a guard: a loop that nobody stops fails the test instead of hanging it. */
export function run(loop: IOLoop, guardMs = GUARD_MS): void {
  let late = false;
  const guard = loop.callLater(guardMs, () => {
    late = true;
    loop.stop();
  });
  try {
    loop.start();
  } finally {
    loop.removeTimeout(guard);
  }
  if (late) throw new Error(`the loop was not stopped within ${guardMs} ms`);
}

/** Runs single passes until `done()`; fails when that takes too long. */
export function runUntilTrue(loop: IOLoop, done: () => boolean, guardMs = GUARD_MS): void {
  const limit = performance.now() + guardMs;
  while (!done()) {
    if (performance.now() > limit) throw new Error(`not done within ${guardMs} ms`);
    loop.runOnce(20);
  }
}

/** File descriptors that are closed at the end of the test. Dispose of it with `using`. */
export class Fds implements Disposable {
  readonly #open = new Set<number>();

  /** Takes over an fd that was opened elsewhere. */
  keep(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  /** A pipe: [read end, write end]. */
  pipe(): [number, number] {
    const [reader, writer] = io.pipe();
    return [this.keep(reader), this.keep(writer)];
  }

  pair(type?: io.SocketType): [number, number] {
    const [a, b] = io.socketpair(type);
    return [this.keep(a), this.keep(b)];
  }

  close(fd: number): void {
    this.#open.delete(fd);
    io.close(fd);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open) this.close(fd);
  }
}

/** How many fds this process has open. */
export function openFds(): number {
  return readdirSync("/dev/fd").length;
}

/** How many fds more than `before` are open: Bun and libkqueue close some of theirs a moment later. */
export async function leakedSince(before: number): Promise<number> {
  const end = performance.now() + 1000;
  while (openFds() !== before && performance.now() < end) await Bun.sleep(1);
  return openFds() - before;
}

/** The names of this process's threads, the main one first, where the system tells them; otherwise none. */
export function threadNames(): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync(TASKS).map((task) => {
    try {
      return readFileSync(`${TASKS}/${task}/comm`, "utf8").trim();
    } catch {
      // It has ended meanwhile.
      return "";
    }
  });
}

/** Writes a few bytes, so that the other end becomes readable. */
export function poke(fd: number, text = "x"): void {
  io.write(fd, new TextEncoder().encode(text));
}

/** Reads everything that is there; returns it as text. */
export function drain(fd: number): string {
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const count = io.read(fd, buffer);
    if (count <= 0) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

/** Writes until no more fits. */
export function fill(fd: number): void {
  while (io.write(fd, new Uint8Array(65_536)) !== io.WOULD_BLOCK);
}

/** A handler or callback that does nothing. */
export function ignore(): void {}

/** Throws an Error, also where only an expression may stand. */
export function fail(message: string): never {
  throw new Error(message);
}

/** Hands over what the types forbid, as a program in JavaScript can. */
export function untyped<T>(value: unknown): T {
  return value as T;
}

/** What `attempt` throws; fails when it throws nothing. */
export function thrownBy(attempt: () => unknown): unknown {
  try {
    attempt();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
