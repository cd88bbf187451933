import { dlopen } from "bun:ffi";
import { constants } from "node:fs";

const NAMES =
  process.platform === "darwin"
    ? ["libSystem.B.dylib"]
    : ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

const symbols = open();

/** A second number for the open file behind `fd`. */
export function dup(fd: number): number {
  return check("dup", symbols.dup(fd));
}

/** Makes `number` name the open file behind `fd`; whatever it named before is closed. */
export function dup2(fd: number, number: number): number {
  return check("dup2", symbols.dup2(fd, number));
}

/** A TCP socket that neither listens nor connects. */
export function tcpSocket(): number {
  return check("socket", symbols.socket(2, 1, 0));
}

/** Sends one byte of urgent data. */
export function sendOutOfBand(fd: number): void {
  check("send", symbols.send(fd, new Uint8Array(1), 1, 1));
}

/** The value of a socket option that is an int. */
export function socketOption(fd: number, level: number, option: number): number | undefined {
  const value = new Int32Array(1);
  const length = new Int32Array([value.byteLength]);
  check("getsockopt", symbols.getsockopt(fd, level, option, value, length));
  return value[0];
}

/** The flags of the open file behind `fd`, O_NONBLOCK among them. */
export function statusFlags(fd: number): number {
  const getStatusFlags = 3;
  return check("fcntl", symbols.fcntl(fd, getStatusFlags));
}

export function isNonBlocking(fd: number): boolean {
  return (statusFlags(fd) & constants.O_NONBLOCK) !== 0;
}

export function isCloseOnExec(fd: number): boolean {
  const [getFdFlags, closeOnExec] = [1, 1];
  return (check("fcntl", symbols.fcntl(fd, getFdFlags)) & closeOnExec) !== 0;
}

/** How many fds this process may have. */
export function fdLimit(): number {
  return symbols.getdtablesize();
}

/** A new pseudo-terminal: the master's fd and the path of the other side; undefined where there are none. */
export function openPty(): { readonly master: number; readonly path: string } | undefined {
  const readWriteWithoutControl = process.platform === "darwin" ? 0x20002 : 0x102;
  const master = symbols.posix_openpt(readWriteWithoutControl);
  if (master < 0) return undefined;
  check("grantpt", symbols.grantpt(master));
  check("unlockpt", symbols.unlockpt(master));
  return { master, path: String(symbols.ptsname(master)) };
}

function check(call: string, result: number): number {
  if (result < 0) throw new Error(`${call} failed`);
  return result;
}

function open() {
  const failures: unknown[] = [];
  for (const name of NAMES) {
    try {
      return dlopen(name, {
        dup: { args: ["i32"], returns: "i32" },
        dup2: { args: ["i32", "i32"], returns: "i32" },
        socket: { args: ["i32", "i32", "i32"], returns: "i32" },
        send: { args: ["i32", "ptr", "usize", "i32"], returns: "i32" },
        getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
        // A third argument would have to go where variadic functions look for it, which differs.
        fcntl: { args: ["i32", "i32"], returns: "i32" },
        getdtablesize: { args: [], returns: "i32" },
        posix_openpt: { args: ["i32"], returns: "i32" },
        grantpt: { args: ["i32"], returns: "i32" },
        unlockpt: { args: ["i32"], returns: "i32" },
        ptsname: { args: ["i32"], returns: "cstring" },
      }).symbols;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `no C library among ${NAMES.join(", ")}`);
}
