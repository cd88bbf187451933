import { expect } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { IOLoopError } from "../src/errors.ts";
import { Poller } from "../src/poller.ts";
import { runUntilTrue, testLoop } from "./support.ts";

/** Ends a Worker that hangs, well before the test runner's own limit. */
const LIMIT_MS = 4000;

/** Whether ::1 can be used; a container may have no IPv6 at all. */
export const hasIpv6 = (networkInterfaces()["lo"] ?? []).some(({ family }) => family === "IPv6");
if (!hasIpv6) console.log("no IPv6 loopback here: its tests are skipped");

/** How many fds this process has open. */
export function openFds(): number {
  return readdirSync("/proc/self/fd").length;
}

/** The open flags of an fd, close-on-exec included, as the kernel tells them. */
export function flagsOf(fd: number): number {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  return Number.parseInt(/^flags:\s*([0-7]+)/m.exec(text)?.[1] ?? "", 8);
}

/** A poller of its own for a test. Dispose of it with `using`. */
export function testPoller({ recordsMax = 64, spinUs = 0 } = {}): Poller & Disposable {
  const poller = new Poller(recordsMax, spinUs);
  return Object.assign(poller, { [Symbol.dispose]: () => poller.close() });
}

/** A wait that should not have been lasts maxWait, 3600 ms; a busy machine stays far below this. */
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
