import { dlopen, type FFITypeOrString } from "bun:ffi";
import { tmpdir } from "node:os";
import darwinArm64 from "../native/darwin-arm64.dylib" with { type: "file" };
import darwinX64 from "../native/darwin-x64.dylib" with { type: "file" };
import linuxArm64 from "../native/linux-arm64.so" with { type: "file" };
import linuxX64 from "../native/linux-x64.so" with { type: "file" };
import { ABI_VERSION } from "./abi.ts";
import { EMFILE, IOLoopError, systemError } from "./errors.ts";
import { faultOf } from "./library-file.ts";

type Memory = Int32Array | Uint8Array | Uint32Array | Float64Array;

/** The native library's functions. Each returns its result, or -errno. Memory is passed as a view on every call. */
export interface Native {
  ioloop_abi_version(): number;
  ioloop_abi_layout(values: Memory, capacity: number): number;
  ioloop_backend(): number;
  ioloop_open(address: Memory, forceTimeoutMs: number): number;
  ioloop_close(state: Memory): number;
  ioloop_expose(state: Memory): number;
  ioloop_add(state: Memory, fd: number, word: number): number;
  ioloop_update(state: Memory, fd: number, word: number): number;
  ioloop_remove(state: Memory, fd: number): number;
  ioloop_reset(state: Memory): number;
  ioloop_wait(state: Memory, batch: Memory, countMax: number, timeoutNs: number): number;
  ioloop_watch(state: Memory, forceThread: number): number;
  ioloop_watch_arm(state: Memory, timeoutNs: number): number;
  ioloop_watch_end(state: Memory, abandoned: number): number;
  ioloop_waker_open(state: Memory, id: Memory): number;
  ioloop_wake(id: number): number;
  ioloop_waker_take(id: number): number;
  ioloop_waker_close(id: number): number;
  ioloop_signal_open(state: Memory): number;
  ioloop_signal_add(state: Memory, number: number, fromNow: number): number;
  ioloop_signal_remove(state: Memory, number: number, forgotten: number): number;
  ioloop_signal_take(state: Memory, counts: Memory): number;
  ioloop_signal_renew(number: number): number;
  ioloop_signal_take_unheard(counts: Memory): number;
  ioloop_signal_chain(on: number): number;
  ioloop_process_open(state: Memory, pid: number): number;
  ioloop_process_close(state: Memory, fd: number): number;
  ioloop_process_status(fd: number): number;
  ioloop_listen(
    text: Memory,
    textLength: number,
    port: number,
    options: number,
    backlog: number,
  ): number;
  ioloop_connect(text: Memory, textLength: number, port: number, options: number): number;
  ioloop_accept(fd: number): number;
  ioloop_read(fd: number, buffer: Memory, offset: number, length: number): number;
  ioloop_write(fd: number, buffer: Memory, offset: number, length: number): number;
  ioloop_receive(fd: number, buffer: Memory, length: number, from: Memory | null): number;
  ioloop_send(fd: number, buffer: Memory, length: number): number;
  ioloop_send_to(
    fd: number,
    buffer: Memory,
    length: number,
    text: Memory,
    textLength: number,
    port: number,
    options: number,
  ): number;
  ioloop_socketpair(options: number, fds: Memory): number;
  ioloop_pipe(fds: Memory): number;
  ioloop_close_fd(fd: number): number;
  ioloop_shutdown(fd: number, direction: number): number;
  ioloop_set_non_blocking(fd: number, on: number): number;
  ioloop_local_port(fd: number): number;
  ioloop_socket_error(fd: number): number;
}

/** The C types of each function's arguments; all return i32. Times are f64, since an i64 costs four times as much. */
const ARGUMENTS: Readonly<Record<keyof Native, readonly FFITypeOrString[]>> = {
  ioloop_abi_version: [],
  ioloop_abi_layout: ["ptr", "u32"],
  ioloop_backend: [],
  ioloop_open: ["ptr", "i32"],
  ioloop_close: ["ptr"],
  ioloop_expose: ["ptr"],
  ioloop_add: ["ptr", "i32", "u32"],
  ioloop_update: ["ptr", "i32", "u32"],
  ioloop_remove: ["ptr", "i32"],
  ioloop_reset: ["ptr"],
  ioloop_wait: ["ptr", "ptr", "u32", "f64"],
  ioloop_watch: ["ptr", "i32"],
  ioloop_watch_arm: ["ptr", "f64"],
  ioloop_watch_end: ["ptr", "i32"],
  ioloop_waker_open: ["ptr", "ptr"],
  ioloop_wake: ["f64"],
  ioloop_waker_take: ["f64"],
  ioloop_waker_close: ["f64"],
  ioloop_signal_open: ["ptr"],
  ioloop_signal_add: ["ptr", "u32", "i32"],
  ioloop_signal_remove: ["ptr", "u32", "i32"],
  ioloop_signal_take: ["ptr", "ptr"],
  ioloop_signal_renew: ["u32"],
  ioloop_signal_take_unheard: ["ptr"],
  ioloop_signal_chain: ["i32"],
  ioloop_process_open: ["ptr", "i32"],
  ioloop_process_close: ["ptr", "i32"],
  ioloop_process_status: ["i32"],
  ioloop_listen: ["ptr", "u32", "u32", "u32", "u32"],
  ioloop_connect: ["ptr", "u32", "u32", "u32"],
  ioloop_accept: ["i32"],
  ioloop_read: ["i32", "ptr", "f64", "u32"],
  ioloop_write: ["i32", "ptr", "f64", "u32"],
  ioloop_receive: ["i32", "ptr", "u32", "ptr"],
  ioloop_send: ["i32", "ptr", "u32"],
  ioloop_send_to: ["i32", "ptr", "u32", "ptr", "u32", "u32", "u32"],
  ioloop_socketpair: ["u32", "ptr"],
  ioloop_pipe: ["ptr"],
  ioloop_close_fd: ["i32"],
  ioloop_shutdown: ["i32", "i32"],
  ioloop_set_non_blocking: ["i32", "i32"],
  ioloop_local_port: ["i32"],
  ioloop_socket_error: ["i32"],
};

/** Where the loader looks, and what it runs on. */
export interface Host {
  readonly bunVersion: string;
  readonly platform: string;
  readonly arch: string;
  /** `BUN_IOLOOP_LIBRARY`: an absolute path that takes the place of the packaged library. */
  readonly override?: string | undefined;
}

/** The first Bun whose `drainMicrotasks()` runs microtasks and nextTick only. */
const BUN_OLDEST = "1.4.3";

/** By platform and processor. The Linux files link no libc, so that glibc and musl share them. */
const LIBRARIES: Readonly<Record<string, string>> = {
  "linux-x64": linuxX64,
  "linux-arm64": linuxArm64,
  "darwin-x64": darwinX64,
  "darwin-arm64": darwinArm64,
};

/** Where the files lie that a single-file executable holds. */
const EMBEDDED = "/$bunfs/";

/** What bun:ffi says where it cannot make its calls, and what to do then. */
const JIT_OFF = "requires the JIT";
const JIT_REMEDY =
  "it is off here; unset BUN_JSC_useJIT, and let the process have memory that it can execute";

let opened: Native | undefined;

/** The library, opened at the first call and never closed: a view or a symbol used after that would crash. */
export function native(): Native {
  opened ??= load({
    bunVersion: Bun.version,
    platform: process.platform,
    arch: process.arch,
    override: process.env["BUN_IOLOOP_LIBRARY"],
  });
  return opened;
}

/** Finds, opens and checks the library for `host`. Throws IOLoopError: ERR_BUN_VERSION, ERR_PLATFORM, ERR_LIBRARY, ERR_ABI_VERSION. */
export function load(host: Host): Native {
  if (Bun.semver.order(host.bunVersion.replace(/-.*/, ""), BUN_OLDEST) < 0) {
    throw new IOLoopError(
      "ERR_BUN_VERSION",
      `bun-ioloop needs Bun ${BUN_OLDEST} or newer, and this is Bun ${host.bunVersion}: run "bun upgrade"`,
    );
  }
  const path = libraryPath(host);
  // Linux's loaders map a file before they know that it is whole, and musl's does not ask what it is for.
  const looksFirst = process.platform === "linux";
  if (looksFirst) refuseFaulty(path);
  const found = openSymbols<Pick<Native, "ioloop_abi_version">>(path, ["ioloop_abi_version"]);
  const version = found.ioloop_abi_version();
  if (version !== ABI_VERSION) {
    throw new IOLoopError(
      "ERR_ABI_VERSION",
      `the native library ${path} has ABI version ${version}, and this bun-ioloop needs ${ABI_VERSION}: ${remedy(host, path)}`,
    );
  }
  return openSymbols<Native>(path, Object.keys(ARGUMENTS) as (keyof Native)[]);

  function refuseFaulty(file: string): void {
    const fault = faultOf(file);
    if (fault === undefined) return;
    throw new IOLoopError(
      "ERR_LIBRARY",
      `the native library ${file} is ${fault}: ${remedy(host, file)}`,
    );
  }

  function openSymbols<Symbols>(file: string, names: readonly (keyof Native)[]): Symbols {
    const declarations = names.map((name) => [name, { args: ARGUMENTS[name], returns: "i32" }]);
    try {
      const library = dlopen(file, Object.fromEntries(declarations));
      return library.symbols as unknown as Symbols;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      // In words by the C library, and by macOS's loader as a number.
      if (/Too many open files|errno=24\b/.test(reason)) throw systemError(EMFILE, "dlopen", file);
      if (!looksFirst) refuseFaulty(file);
      const advice = reason.includes(JIT_OFF) ? JIT_REMEDY : remedy(host, file);
      throw new IOLoopError(
        "ERR_LIBRARY",
        `the native library ${file} cannot be loaded (${reason}): ${advice}`,
        { cause },
      );
    }
  }
}

function libraryPath(host: Host): string {
  if (host.override !== undefined && host.override !== "") {
    if (host.override.startsWith("/")) return host.override;
    throw new IOLoopError(
      "ERR_LIBRARY",
      `BUN_IOLOOP_LIBRARY is "${host.override}": it must be an absolute path to the native library`,
    );
  }
  const packaged = LIBRARIES[`${host.platform}-${host.arch}`];
  if (packaged === undefined) {
    throw new IOLoopError(
      "ERR_PLATFORM",
      `bun-ioloop has no native library for ${host.platform}-${host.arch}: it runs on ${Object.keys(LIBRARIES).join(", ")}; BUN_IOLOOP_LIBRARY can name one that you built`,
    );
  }
  // A bundler leaves a relative path, which dlopen would look for in the current folder.
  return packaged.startsWith("/") ? packaged : `${import.meta.dir}/${packaged}`;
}

function remedy(host: Host, path: string): string {
  if (host.override) {
    return "BUN_IOLOOP_LIBRARY names it; build the library of this version, or unset the variable";
  }
  if (path.startsWith(EMBEDDED)) {
    return `a single-file executable copies it to ${process.env["BUN_TMPDIR"] || tmpdir()} and opens it there; set BUN_TMPDIR to a folder that can be written and is not mounted noexec, or BUN_IOLOOP_LIBRARY to the absolute path of a copy of the library`;
  }
  return 'install bun-ioloop again, or run "npm run build" in a checkout';
}
