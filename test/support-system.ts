import { expect } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { IOLoopError } from "../src/errors.ts";
import { native } from "../src/native.ts";
import { INTERRUPTED, Poller } from "../src/poller.ts";
import { openFds, runUntilTrue, testLoop } from "./support.ts";
import { lacks } from "./support-backend.ts";

/** Ends a Worker that hangs, well before the test runner's own limit. */
const LIMIT_MS = 10_000;

export const onMacos = process.platform === "darwin";

/** The interface that 127.0.0.1 and ::1 belong to. */
export const LOOPBACK = onMacos ? "lo0" : "lo";

/** Whether ::1 can be used; a container may have no IPv6 at all. */
export const hasIpv6 = (networkInterfaces()[LOOPBACK] ?? []).some(
  ({ family }) => family === "IPv6",
);
if (!hasIpv6) console.log("no IPv6 loopback here: its tests are skipped");

/** Whether a Unix socket can have a name that is no path. */
export const hasAbstractNames = !onMacos;
if (!hasAbstractNames) console.log("Linux alone has abstract Unix names: their tests are skipped");

/** The longest path of a Unix socket, in bytes. */
export const UNIX_PATH_MOST = onMacos ? 103 : 107;

/**
 * How late the best of many waits may be: Linux has a timer slack of 0.05 ms, and macOS puts a timer off by an
 * eighth of its time, 1 ms at most, to run it beside others. The rest is the machine's noise.
 */
export const LATE_MS = onMacos ? 2 : 0.5;

/** Waits of which none is in time: no machine is that busy for that long. */
const MOST_WAITS = 1000;

/** Whether the best of many waits is still to be found: of `least`, and of more while none was shorter than `inTimeMs`. */
export function seeksBest(waits: number, least: number, bestMs: number, inTimeMs: number): boolean {
  return waits < least || (bestMs >= inTimeMs && waits < MOST_WAITS);
}

/**
 * Waits on, as a loop does, where something interrupts, as an io_uring of another test may do when it is gone, or where
 * the kernel ends a wait shortly before its time.
 */
class TestPoller extends Poller implements Disposable {
  override wait(timeoutMs: number): number {
    const end = performance.now() + timeoutMs;
    let count = super.wait(timeoutMs);
    while (count === INTERRUPTED || (count === 0 && !this.woken && performance.now() < end)) {
      count = super.wait(Math.max(end - performance.now(), 0));
    }
    return count;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A poller of its own for a test. Dispose of it with `using`. */
export function testPoller({ recordsMax = 64, spinUs = 0 } = {}): Poller & Disposable {
  return new TestPoller(recordsMax, spinUs);
}

/** A waker of a poller that has no loop; its number. */
export function openWaker(poller: Poller): number {
  const id = new Float64Array(new ArrayBuffer(Float64Array.BYTES_PER_ELEMENT));
  expect(native().ioloop_waker_open(poller.state, id)).toBe(0);
  return id[0] as number;
}

/** What a loop does once it was woken: from then on another wake counts. */
export function takeWake(id: number): boolean {
  return native().ioloop_waker_take(id) === 1;
}

/** A wait that should not have been lasts a test loop's maxWait, 3600 ms; a busy machine stays far below this. */
export const NO_WAIT_MS = 2000;

/** How many milliseconds `action` took. */
export function timed(action: () => void): number {
  const began = performance.now();
  action();
  return performance.now() - began;
}

/** Waits until `fd` is ready for `events`; returns what was reported. */
export function waitFor(fd: number, events: number): number {
  using loop = testLoop();
  let seen = 0;
  loop.addHandler(fd, events, (_fd, reported) => {
    seen = reported;
  });
  runUntilTrue(loop, () => seen !== 0);
  return seen;
}

/** Fails when there are not as many fds open as `before`; loops that were closed earlier may still lose some. */
export function expectFds(before: number): void {
  if (lacks("a close that is done on return")) expect(openFds()).toBeLessThanOrEqual(before);
  else expect(openFds()).toBe(before);
}

/** An IOLoopError with `code`, whose message matches every one of `messages`. */
export function expectIOLoopError(error: unknown, code: string, ...messages: RegExp[]): void {
  expect(error).toBeInstanceOf(IOLoopError);
  expect((error as IOLoopError).code).toBe(code);
  for (const message of messages) expect((error as IOLoopError).message).toMatch(message);
}

/** A folder for one test. Dispose of it with `using`. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "ioloop-"));

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** A Worker from test/children/ that has said its first word. Dispose of it with `await using`. */
export class TestWorker implements AsyncDisposable {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async start(name: string, workerData: unknown): Promise<TestWorker> {
    const file = join(import.meta.dir, "children", name);
    const worker = new TestWorker(new Worker(file, { workerData }));
    await worker.message();
    return worker;
  }

  /** The next message; fails when none comes in time, or when the Worker throws. */
  async message(): Promise<unknown> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const [message] = await once(this.#worker, "message", { signal });
    return message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Starts `count` Workers at once. Dispose of them with `await using`. */
export async function startWorkers(
  count: number,
  name: string,
  workerData: unknown,
): Promise<AsyncDisposable & { readonly all: readonly TestWorker[] }> {
  const all = await Promise.all(
    Array.from({ length: count }, () => TestWorker.start(name, workerData)),
  );
  return {
    all,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(all.map((worker) => worker[Symbol.asyncDispose]()));
    },
  };
}
