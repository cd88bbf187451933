import { SOCKET_DATAGRAM, SOCKET_REUSE_PORT } from "./abi.ts";
import {
  ADDRESS_EXAMPLE,
  decodeSender,
  type Endpoint,
  encodeAddress,
  type Sender,
  senderBytes,
} from "./address.ts";
import { checkFdNumber, checkInteger, checkOptions, show } from "./arguments.ts";
import { EAGAIN, EINTR, systemError } from "./errors.ts";
import { native } from "./native.ts";

export type { Endpoint, Sender };

/** What `read`, `write`, `accept`, `receive` and `send` return where they would block: wait for readiness. */
export const WOULD_BLOCK = -11;

/** "stream" is TCP or a Unix stream; "datagram" is UDP or Unix datagrams. */
export type SocketType = "stream" | "datagram";

export interface ConnectOptions extends Endpoint {
  /** "stream" by default. */
  readonly type?: SocketType | undefined;
}

export interface ListenOptions extends ConnectOptions {
  /** Connections that the kernel holds until they are accepted; 511 by default. */
  readonly backlog?: number | undefined;
  /** Lets several sockets share the port; the kernel spreads connections over them. */
  readonly reusePort?: boolean | undefined;
}

const BACKLOG = 511;
const BACKLOG_MOST = 0x7fffffff;
/** The most that one read or write moves: Linux cuts it there, and macOS refuses what is not below 2 GiB. */
const LENGTH_MOST = 0x7ffff000;

/** The length that the engine knows: one that a subclass or an object tells itself could lie beyond the memory. */
const lengthOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "length",
)?.get as (this: Uint8Array) => number;

/** A larger one is not kept from the collector until the next call. */
const KEPT_MOST = 1 << 20;
let measured: Uint8Array | undefined;
let measuredSize = 0;

/**
 * Opens a listening socket, or a bound datagram socket. `hostname` is "0.0.0.0" by default; `port` 0, the
 * default, lets the kernel choose ({@link localPort} tells). TCP_NODELAY is on for what is accepted.
 *
 * @returns the fd, non-blocking and close-on-exec.
 * @throws IOLoopError EADDRINUSE, EACCES, EADDRNOTAVAIL, EMFILE; TypeError, RangeError for bad options.
 */
export function listen(options: ListenOptions): number {
  checkOptions("options", options, ADDRESS_EXAMPLE);
  const address = encodeAddress(options, "0.0.0.0", 0);
  const { backlog = BACKLOG, reusePort = false, type } = options;
  checkInteger("backlog", backlog, 0, BACKLOG_MOST);
  const flags = address.flags | flagsOf(type) | (reusePort ? SOCKET_REUSE_PORT : 0);
  const { text, port } = address;
  return succeed(
    native().ioloop_listen(text, text.length, port, flags, backlog),
    "listen",
    address.name,
  );
}

/**
 * Begins a connection and does not wait for it: WRITE readiness says that it has ended, then
 * {@link socketError} whether well. `hostname` is "127.0.0.1" by default.
 *
 * @returns the fd, non-blocking and close-on-exec.
 * @throws IOLoopError what fails at once: EMFILE, ENOENT (no such Unix socket), EAGAIN (its
 *   backlog is full; macOS says ECONNREFUSED).
 */
export function connect(options: ConnectOptions): number {
  checkOptions("options", options, ADDRESS_EXAMPLE);
  const type = flagsOf(options.type);
  const { text, port, flags, name } = encodeAddress(options, "127.0.0.1", 1);
  return succeed(native().ioloop_connect(text, text.length, port, flags | type), "connect", name);
}

/**
 * Takes one waiting connection.
 *
 * @returns its fd, non-blocking and close-on-exec, or WOULD_BLOCK.
 * @throws IOLoopError EMFILE, ENFILE, after which the listener stays ready; EINVAL where the socket does not listen,
 *   ENOTSOCK, EBADF.
 */
export function accept(fd: number): number {
  checkFdNumber(fd, "accept");
  for (;;) {
    const result = native().ioloop_accept(fd);
    if (result >= 0) return result;
    if (interpret(result, "accept", fd)) return WOULD_BLOCK;
  }
}

/**
 * Reads into `buffer` from `offset` on, at most `length` bytes (up to its end by default).
 *
 * @returns the bytes read, 0 at end of file or where none were asked for, or WOULD_BLOCK.
 * @throws IOLoopError ECONNRESET, EBADF, ...; TypeError, RangeError for a buffer, offset or length that does not fit.
 */
export function read(fd: number, buffer: Uint8Array, offset = 0, length?: number): number {
  const count = checkRange(fd, "read", buffer, offset, length);
  for (;;) {
    const result = native().ioloop_read(fd, buffer, offset, count);
    if (result >= 0) return result;
    if (interpret(result, "read", fd)) return WOULD_BLOCK;
  }
}

/**
 * Writes from `buffer`, as {@link read} reads. SIGPIPE never comes.
 *
 * @returns the bytes taken, which may be fewer than asked for, or WOULD_BLOCK.
 * @throws IOLoopError EPIPE, ECONNRESET, EBADF, ...; TypeError, RangeError as `read`.
 */
export function write(fd: number, buffer: Uint8Array, offset = 0, length?: number): number {
  const count = checkRange(fd, "write", buffer, offset, length);
  for (;;) {
    const result = native().ioloop_write(fd, buffer, offset, count);
    if (result >= 0) return result;
    if (interpret(result, "write", fd)) return WOULD_BLOCK;
  }
}

/**
 * Receives one datagram and, where `from` is given, fills it with the sender. What does not fit the
 * buffer is lost.
 *
 * @returns the bytes, 0 for an empty datagram, or WOULD_BLOCK.
 * @throws IOLoopError ECONNREFUSED when an earlier send found nobody, EBADF, ENOTSOCK.
 */
export function receive(fd: number, buffer: Uint8Array, from?: Sender): number {
  const count = checkRange(fd, "receive", buffer, 0, undefined);
  if (from !== undefined) checkOptions("from", from, "{}");
  const sender = from === undefined ? null : senderBytes;
  for (;;) {
    const result = native().ioloop_receive(fd, buffer, count, sender);
    if (result >= 0) {
      if (from !== undefined) decodeSender(from);
      return result;
    }
    if (interpret(result, "recvfrom", fd)) return WOULD_BLOCK;
  }
}

/**
 * Sends `buffer` as one datagram, to `to` or to the peer that the socket is connected with.
 *
 * @returns the bytes, always all of them, or WOULD_BLOCK.
 * @throws IOLoopError ECONNREFUSED, EMSGSIZE, ENOTCONN, EDESTADDRREQ, EISCONN, EAFNOSUPPORT, ENOENT (no such Unix
 *   socket), EBADF, ENOTSOCK; TypeError, RangeError for an address or buffer that is none.
 */
export function send(fd: number, buffer: Uint8Array, to?: Endpoint): number {
  if (to !== undefined) checkOptions("to", to, ADDRESS_EXAMPLE);
  // Before the buffer is measured, which a getter of the address could shrink.
  const address = to === undefined ? undefined : encodeAddress(to, "127.0.0.1", 1);
  const count = checkRange(fd, "send", buffer, 0, undefined);
  for (;;) {
    const result =
      address === undefined
        ? native().ioloop_send(fd, buffer, count)
        : native().ioloop_send_to(
            fd,
            buffer,
            count,
            address.text,
            address.text.length,
            address.port,
            address.flags | SOCKET_DATAGRAM,
          );
    if (result >= 0) return result;
    if (interpret(result, "sendto", fd)) return WOULD_BLOCK;
  }
}

/** Two connected Unix sockets, "stream" by default, non-blocking and close-on-exec. Throws IOLoopError EMFILE. */
export function socketpair(type?: SocketType): [number, number] {
  const flags = flagsOf(type);
  return twoFds("socketpair", (fds) => native().ioloop_socketpair(flags, fds));
}

/** A pipe: `[read end, write end]`, non-blocking and close-on-exec. Throws IOLoopError EMFILE. */
export function pipe(): [number, number] {
  return twoFds("pipe", (fds) => native().ioloop_pipe(fds));
}

/** Closes an fd. Remove its handler first. Throws IOLoopError EBADF. */
export function close(fd: number): void {
  succeed(native().ioloop_close_fd(checkFdNumber(fd, "close")), "close", fd);
}

/**
 * Ends one or both directions of a connected socket; the peer reads the end of file. Throws IOLoopError ENOTCONN,
 * ENOTSOCK, EBADF.
 */
export function shutdown(fd: number, direction: "read" | "write" | "both"): void {
  const how = ["read", "write", "both"].indexOf(direction);
  if (how < 0) {
    throw new TypeError(`direction must be "read", "write" or "both", not ${show(direction)}`);
  }
  succeed(native().ioloop_shutdown(checkFdNumber(fd, "shutdown"), how), "shutdown", fd);
}

/**
 * Makes an fd non-blocking, or blocking again. It is a property of the open file: duplicates share it. Throws
 * IOLoopError EBADF.
 */
export function setNonBlocking(fd: number, on = true): void {
  const flag = on ? 1 : 0;
  succeed(native().ioloop_set_non_blocking(checkFdNumber(fd, "fcntl"), flag), "fcntl", fd);
}

/** The port that a socket is bound to; 0 for a Unix socket. Throws IOLoopError ENOTSOCK, EBADF. */
export function localPort(fd: number): number {
  return succeed(native().ioloop_local_port(checkFdNumber(fd, "getsockname")), "getsockname", fd);
}

/** A socket's pending error as an errno, 0 for none. Reading it clears it. Throws IOLoopError ENOTSOCK, EBADF. */
export function socketError(fd: number): number {
  return succeed(native().ioloop_socket_error(checkFdNumber(fd, "getsockopt")), "getsockopt", fd);
}

/** True for "would block", false for "try again"; throws every other -errno. */
function interpret(result: number, syscall: string, fd: number): boolean {
  if (result === -EAGAIN) return true;
  if (result === -EINTR) return false;
  throw systemError(-result, syscall, fd);
}

function succeed(result: number, syscall: string, subject?: number | string): number {
  if (result >= 0) return result;
  throw systemError(-result, syscall, subject);
}

/** Checks where in `buffer` to read or write; returns how many bytes. */
function checkRange(
  fd: number,
  syscall: string,
  buffer: Uint8Array,
  offset: number,
  length: number | undefined,
): number {
  checkFdNumber(fd, syscall);
  const size = sizeOf(buffer);
  if (offset === 0 && length === undefined) return Math.min(size, LENGTH_MOST);
  if (!Number.isInteger(offset) || offset < 0 || offset > size) {
    throw new RangeError(`offset must be an integer from 0 to ${size}, not ${show(offset)}`);
  }
  const room = size - offset;
  if (length === undefined) return Math.min(room, LENGTH_MOST);
  if (!Number.isInteger(length) || length < 0 || length > room) {
    throw new RangeError(
      `length must be an integer from 0 to ${room} at offset ${offset}, not ${show(length)}`,
    );
  }
  return Math.min(length, LENGTH_MOST);
}

/**
 * The true size of a buffer: an object of its own can tell any `length`. To ask the engine costs more than the rest of
 * the check, so the last answer is kept, and believed as long as the buffer tells the same. One that was cut off since
 * and pretends otherwise has its own, unused memory there, or none, which the kernel refuses with EFAULT.
 */
function sizeOf(buffer: Uint8Array): number {
  if (buffer === measured && buffer.length === measuredSize) return measuredSize;
  if (!ArrayBuffer.isView(buffer) || !(buffer instanceof Uint8Array)) {
    throw new TypeError(`buffer must be a Uint8Array, not ${show(buffer)}`);
  }
  const size = lengthOf.call(buffer);
  if (size <= KEPT_MOST) {
    measured = buffer;
    measuredSize = size;
  }
  return size;
}

function twoFds(syscall: string, make: (fds: Int32Array) => number): [number, number] {
  const fds = new Int32Array(new ArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  succeed(make(fds), syscall);
  return [fds[0] as number, fds[1] as number];
}

function flagsOf(type: SocketType | undefined): number {
  if (type === undefined || type === "stream") return 0;
  if (type === "datagram") return SOCKET_DATAGRAM;
  throw new TypeError(`type must be "stream" or "datagram", not ${show(type)}`);
}
