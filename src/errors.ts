import { constants } from "node:os";

/** The details of an {@link IOLoopError}. */
export interface IOLoopErrorDetails {
  /** A system error's number, positive, as in `errno.h`. */
  readonly errno?: number | undefined;
  /** The system call that failed. */
  readonly syscall?: string | undefined;
  /** The file descriptor that it was about. */
  readonly fd?: number | undefined;
  readonly cause?: unknown;
}

/**
 * A failure of the system, or of the loop's own state. Wrong arguments are a TypeError or a RangeError
 * instead. The message names the thing, the reason and the next step; programs look at `code`.
 */
export class IOLoopError extends Error {
  override readonly name = "IOLoopError";
  /** A system error's name ("EBADF"), or one of the loop's own ("ERR_LOOP_CLOSED"). */
  readonly code: string;
  /** A system error's number, positive; undefined for the loop's own codes. */
  readonly errno: number | undefined;
  /** The system call that failed, or that the refused operation stands for. */
  readonly syscall: string | undefined;
  /** The file descriptor that the call was about, if there was one. */
  readonly fd: number | undefined;

  constructor(code: string, message: string, details: IOLoopErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.errno = details.errno;
    this.syscall = details.syscall;
    this.fd = details.fd;
  }
}

export const {
  EAGAIN,
  EBADF,
  ECANCELED,
  EEXIST,
  EINTR,
  EINVAL,
  ELOOP,
  EMFILE,
  ENOENT,
  ENOSPC,
  EPERM,
} = constants.errno;

/** What to do about an errno, whatever call it came from. */
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: "permission was refused: check the address, the port number or the path's permissions",
  EAFNOSUPPORT:
    "the socket is of another family: send IPv4 from an IPv4 socket, IPv6 from an IPv6 one",
  EAGAIN: "the peer's backlog is full: try again later",
  EADDRINUSE: "the address is taken: choose another port or path, or remove the stale socket file",
  EADDRNOTAVAIL: "the address belongs to no interface of this machine: use one that does",
  EBADF:
    "the fd is not open, or open for the other direction only: use it between opening and closing it",
  ECONNREFUSED: "nothing listens there: start the service, or check the address",
  ECONNRESET: "the peer reset the connection: close the fd",
  EDESTADDRREQ: "the socket is not connected: say where to send",
  EDQUOT: "the user's quota of disk space is used up: free some",
  EFBIG: "the file is as large as it may be: write to another one, or raise the limit (ulimit -f)",
  EHOSTUNREACH: "no way leads to that host: check the address, and that the host is up",
  EINVAL:
    "an argument does not fit: check the address, and that the fd is of the right kind and listening",
  EIO: "the terminal or device has gone: close the fd",
  EISCONN: "the socket is connected already: send without an address",
  EISDIR: "the fd is a directory: read it with node:fs",
  ELOOP: "the loops watch each other in a circle, or are nested too deep: take one of them out",
  EMFILE: "this process has no free fd: close some, or raise the limit (ulimit -n)",
  EMSGSIZE: "the datagram is larger than the socket takes: send less at once",
  ENETDOWN: "the network is down: bring the interface up, and try again",
  ENETUNREACH: "no way leads to that network: check the address, and this machine's routes",
  ENFILE: "the system has no free fd: close some, or raise its limit (fs.file-max on Linux)",
  ENOBUFS: "the system has no buffer space: try again later",
  ENOENT: "there is no such file or directory: check the path",
  ENOMEM: "the kernel is out of memory: close what is not needed, and try again",
  ENOSPC:
    "there is no space left: free some on the device; for watched fds raise fs.epoll.max_user_watches",
  ENOSYS:
    "this kernel, or a filter around this process, does not know the call: use a newer kernel, or allow it",
  ENOTCONN: "the socket is not connected: wait for WRITE and check socketError(fd) first",
  EOPNOTSUPP: "this kind of socket does not know the call: check its type",
  ENOTSUP: "this kind of socket does not know the call: check its type",
  ENOTSOCK: "the fd is not a socket, and this call is for sockets: read and write are for every fd",
  EPERM: "the operation is not permitted for this fd or this user",
  EPIPE: "the peer has gone: close the fd",
  ETIMEDOUT: "the peer does not answer: close the fd, and check the address and the network",
};

/**
 * Builds the error of a failed system call. `subject` is the fd, or a description of what it was about;
 * `advice` replaces what is generally said of that errno.
 */
export function systemError(
  errno: number,
  syscall: string,
  subject?: number | string | undefined,
  advice?: string | undefined,
): IOLoopError {
  const code = nameOf(errno);
  const fd = typeof subject === "number" ? subject : undefined;
  const about = subject === undefined ? "" : ` for ${fd === undefined ? subject : `fd ${fd}`}`;
  const next = advice ?? ADVICE[code] ?? "see the system call's manual page";
  return new IOLoopError(code, `${syscall} failed${about} with ${code} (errno ${errno}): ${next}`, {
    errno,
    syscall,
    fd,
  });
}

function nameOf(errno: number): string {
  for (const [name, value] of Object.entries(constants.errno)) {
    if (value === errno) return name;
  }
  return `E${errno}`;
}

/** The error of every adding or running method once the loop is closed. */
export function closedError(operation: string): IOLoopError {
  return new IOLoopError(
    "ERR_LOOP_CLOSED",
    `${operation}: the loop is closed; make a new IOLoop, or get a fresh one from instance()`,
  );
}
