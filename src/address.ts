import {
  ADDRESS_BYTES,
  ADDRESS_FAMILY,
  ADDRESS_LENGTH,
  ADDRESS_PORT,
  ADDRESS_TEXT_OFFSET,
  FAMILY_IP,
  FAMILY_UNIX,
  SOCKET_UNIX,
} from "./abi.ts";
import { checkInteger, show } from "./arguments.ts";

/** A numeric IPv4 or IPv6 address with a port, or the path of a Unix socket (a leading NUL: an abstract name). */
export interface Endpoint {
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
  readonly unix?: string | undefined;
}

/**
 * Filled by `receive` with the sender: `hostname` and `port`, or `unix`, decoded as UTF-8; a nameless sender leaves all
 * undefined, and cannot be answered.
 */
export interface Sender {
  hostname?: string | undefined;
  port?: number | undefined;
  unix?: string | undefined;
}

let net: typeof import("node:net") | undefined;

/** 4, 6, or 0 for what is no address. node:net is loaded by the first one, for that takes longer than all of this package. */
function isIP(text: string): number {
  net ??= process.getBuiltinModule("node:net");
  return net.isIP(text);
}

/** The longest path of a Unix socket in bytes; an abstract name needs no NUL at its end. */
const UNIX_MOST = process.platform === "darwin" ? 103 : 107;
const ABSTRACT_MOST = 108;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where the library writes a datagram's sender. */
export const senderBytes = new Uint8Array(new ArrayBuffer(ADDRESS_BYTES));
const senderWords = new Int32Array(senderBytes.buffer);

/** For messages: what an address looks like. */
export const ADDRESS_EXAMPLE = '{ hostname: "127.0.0.1", port: 8080 }';

/** An address as the socket calls take it. */
export interface EncodedAddress {
  readonly text: Uint8Array;
  readonly port: number;
  readonly flags: number;
  /** For messages. */
  readonly name: string;
}

/**
 * Checks an address. Throws TypeError or RangeError, before any system call. `portLeast` is 1 where a peer is
 * meant, and 0 where the kernel may choose.
 */
export function encodeAddress(
  { hostname, port, unix }: Endpoint,
  hostnameDefault: string,
  portLeast: 0 | 1,
): EncodedAddress {
  if (unix !== undefined) {
    if (hostname !== undefined || port !== undefined) {
      throw new TypeError("give either unix, or hostname and port");
    }
    if (typeof unix !== "string") throw new TypeError(`unix must be a string, not ${show(unix)}`);
    const text = encoder.encode(unix);
    const most = unix.startsWith("\0") ? ABSTRACT_MOST : UNIX_MOST;
    if (text.length === 0 || text.length > most) {
      throw new RangeError(
        `unix must be 1 to ${most} bytes long, not ${text.length}: ${show(unix)}`,
      );
    }
    if (unix.indexOf("\0") > 0) {
      throw new TypeError(`unix must not hold a NUL but at its start: ${show(unix)}`);
    }
    return { text, port: 0, flags: SOCKET_UNIX, name: show(unix) };
  }
  const host = hostname ?? hostnameDefault;
  if (typeof host !== "string") throw new TypeError(`hostname must be a string, not ${show(host)}`);
  if (isIP(host) === 0) {
    throw new TypeError(
      `hostname must be a numeric IPv4 or IPv6 address, not ${show(host)}: resolve names first, with Bun.dns.lookup`,
    );
  }
  if (port === undefined && portLeast > 0) {
    throw new TypeError(
      "the address has neither port nor unix: give one (a sender without a name cannot be answered)",
    );
  }
  const number = checkInteger("port", port ?? 0, portLeast, 65_535);
  const text = encoder.encode(host);
  return { text, port: number, flags: 0, name: `${host} port ${number}` };
}

/** Fills `from` with what the library last wrote to {@link senderBytes}. */
export function decodeSender(from: Sender): void {
  const family = senderWords[ADDRESS_FAMILY];
  const end = ADDRESS_TEXT_OFFSET + (senderWords[ADDRESS_LENGTH] as number);
  const text = decoder.decode(senderBytes.subarray(ADDRESS_TEXT_OFFSET, end));
  // A setter of the object's may receive the next datagram, which writes here too.
  const port = senderWords[ADDRESS_PORT];
  from.hostname = family === FAMILY_IP ? text : undefined;
  from.port = family === FAMILY_IP ? port : undefined;
  from.unix = family === FAMILY_UNIX ? text : undefined;
}
