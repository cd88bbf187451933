import { dlopen } from "bun:ffi";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { type IOLoop, IOLoopError } from "../src/index.ts";
import * as io from "../src/io.ts";
import { leakedSince, openFds } from "./support.ts";
import { queueOf } from "./support-inside.ts";
import { Folder } from "./support-system.ts";

/** How long strace may take to come and to go. */
const LIMIT_MS = 5000;
const LOG_BYTES = 4096;

/** What a scenario came to, as JSON can tell it. */
export type Outcome = Readonly<Record<string, unknown>>;
export type Scenario = () => Outcome | Promise<Outcome>;

/** What a wait may be, whatever the kernel has. */
export const WAITS = "epoll_pwait,?epoll_pwait2";

interface FaultOptions {
  /** The calls of the other threads fail as well. */
  readonly threads?: boolean | undefined;
  /** Only calls about this fd, which is a pipe, a socket or a file, fail: Bun makes some of its own at any time. */
  readonly only?: number | undefined;
}

/** In a child: strace on its main thread, which has system calls fail there. Dispose of it with `using`. */
export class Faults implements Disposable {
  /** Every strace of this process that has been started and may not have ended. */
  static readonly #started = new Set<Bun.Subprocess>();
  static #folder: Folder | undefined;

  readonly #strace: Bun.Subprocess;
  readonly #trace: string;
  /** What strace itself says; shared memory, since the calls that read a file may be made to fail. */
  readonly #log: Uint8Array;
  #over = false;

  /** Each fault is what strace's `inject=` takes: "epoll_ctl:error=ENOMEM:when=1" fails the first call from here on. */
  constructor(faults: readonly string[], { threads = false, only }: FaultOptions = {}) {
    allowTracers();
    Faults.#folder ??= new Folder();
    this.#trace = Faults.#folder.file("trace");
    const log = Faults.#folder.file("log");
    writeFileSync(log, new Uint8Array(LOG_BYTES));
    this.#log = Bun.mmap(log, { shared: true });
    const names = faults.map((fault) => fault.slice(0, fault.indexOf(":")));
    const command = ["strace", "-p", `${process.pid}`, "-o", this.#trace, "-e", "signal=none"];
    if (threads) command.push("-f");
    if (only !== undefined) command.push("-P", readlinkSync(`/proc/self/fd/${only}`));
    command.push("-e", `trace=${names.join() || "none"}`);
    for (const fault of faults) command.push("-e", `inject=${fault}`);
    const stderr = openSync(log, "r+");
    const [gate, opener] = io.pipe();
    io.setNonBlocking(gate, false);
    const held = ["sh", "-c", 'read _; exec "$@"', "sh", ...command];
    this.#strace = Bun.spawn(held, { stdio: [gate, "ignore", stderr] });
    Faults.#started.add(this.#strace);
    closeSync(stderr);
    io.close(gate);
    // Not before Bun is done with the spawning: its calls would be the first ones.
    io.close(opener);
    this.#await(`Process ${process.pid} attached`);
  }

  /** How many calls have been made to fail. */
  get hits(): number {
    return readFileSync(this.#trace, "latin1").split("(INJECTED)").length - 1;
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#strace.kill("SIGTERM");
    this.#await(`Process ${process.pid} detached`);
  }

  /** Until nothing is left of what was started. */
  static async settle(): Promise<void> {
    for (const strace of Faults.#started) await strace.exited;
    Faults.#started.clear();
  }

  /** Ends the folder of the traces. */
  static cleanUp(): void {
    Faults.#folder?.[Symbol.dispose]();
    Faults.#folder = undefined;
  }

  /** Nothing but sleep is called meanwhile: Bun's own loop must not be hit by the faults. */
  #await(words: string): void {
    const end = performance.now() + LIMIT_MS;
    for (;;) {
      const said = new TextDecoder().decode(this.#log.subarray(0, this.#log.indexOf(0)));
      if (said.includes(words)) return;
      if (/attach: |ptrace\(|invalid /.test(said)) throw new Unattachable(said.trim());
      if (performance.now() > end) throw new Unattachable(`strace said "${said}"`);
      Bun.sleepSync(0.5);
    }
  }
}

/** strace cannot trace this process. */
class Unattachable extends Error {}

/** While `faults` hold, runs `action`; returns what it returned, and how many calls failed. */
export function under<T>(
  faults: readonly string[],
  action: () => T,
  options?: FaultOptions,
): { readonly result: T; readonly hits: number } {
  const injected = new Faults(faults, options);
  let result: T;
  try {
    result = action();
  } finally {
    injected[Symbol.dispose]();
  }
  return { result, hits: injected.hits };
}

/** What an error says, without a stack; "poller" is the fd of a loop's own queue. */
export function described(error: unknown, loop?: IOLoop): unknown {
  if (!(error instanceof IOLoopError)) return error === undefined ? "none" : `${error}`;
  const { code, errno, syscall, message } = error;
  const fd = loop !== undefined && error.fd === queueOf(loop) ? "poller" : error.fd;
  return { code, errno, syscall, fd, message };
}

/** What `attempt` throws, described; "none" when it throws nothing. */
export function errorOf(attempt: () => unknown, loop?: IOLoop): unknown {
  try {
    attempt();
  } catch (error) {
    return described(error, loop);
  }
  return "none";
}

/**
 * In a child: runs the scenarios and prints the outcome of each at once, so that one that hangs is known. What it
 * leaves open is `leaked`.
 */
export async function playScenarios(scenarios: Readonly<Record<string, Scenario>>): Promise<void> {
  // The engine starts its threads for that now: it cannot bear to be refused one.
  Bun.gc(true);
  try {
    new Faults(["?epoll_pwait2:error=EINTR:when=60000..60001+1"])[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof Unattachable)) throw error;
    tellUnavailable(`strace cannot attach (${error.message})`);
    Faults.cleanUp();
    return;
  }
  for (const [name, scenario] of Object.entries(scenarios)) {
    await Faults.settle();
    const before = openFds();
    let outcome: Outcome;
    try {
      outcome = await scenario();
    } catch (error) {
      outcome = { failure: error instanceof Error ? `${error.stack}` : `${error}` };
    }
    await Faults.settle();
    tell(name, { ...outcome, leaked: await leakedSince(before) });
  }
  Faults.cleanUp();
}

/** In a child: prints the outcome of one scenario. */
export function tell(name: string, outcome: Outcome): void {
  console.log(JSON.stringify({ name, outcome }));
}

/** In a child: prints why there are no outcomes. */
export function tellUnavailable(reason: string): void {
  console.log(JSON.stringify({ unavailable: reason }));
}

/** Whether the kernel watches for a hosted loop, which it may refuse to. */
export function hasRing(): boolean {
  return readdirSync("/proc/self/fd").some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes("io_uring");
    } catch {
      return false;
    }
  });
}

/** Where the kernel lets a process be traced by its ancestors alone, this one says that any may. */
function allowTracers(): void {
  const setPtracer = 0x59616d61;
  const any = 0xffff_ffff_ffff_ffffn;
  // EINVAL: there is no such restriction.
  prctl(setPtracer, any);
}

type Prctl = (option: number, ...rest: readonly [bigint, bigint, bigint, bigint]) => number;
let call: Prctl | undefined;

/** Sets what a thread or process may do; returns 0, or -1. */
export function prctl(option: number, first: bigint, second = 0n): number {
  call ??= openPrctl();
  return call(option, first, second, 0n, 0n);
}

function openPrctl(): Prctl {
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  const failures: unknown[] = [];
  for (const name of ["libc.so.6", `libc.musl-${arch}.so.1`]) {
    try {
      const args = ["i32", "u64", "u64", "u64", "u64"] as const;
      return dlopen(name, { prctl: { args, returns: "i32" } }).symbols.prctl;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, "no C library");
}
