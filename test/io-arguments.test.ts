import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { IOLoopError } from "../src/errors.ts";
import * as io from "../src/io.ts";
import { drain, Fds, openFds, poke, thrownBy, untyped } from "./support.ts";
import { expectFds, expectIOLoopError, Folder, UNIX_PATH_MOST } from "./support-system.ts";

type ErrorClass = typeof TypeError | typeof RangeError | typeof IOLoopError;

const fds = new Fds();
const folder = new Folder();
const [reader, writer] = fds.pipe();
const [here] = fds.pair();
const [datagram] = fds.pair("datagram");
const file = folder.file("socket");
const four = new Uint8Array(4);

beforeEach(() => {
  drain(reader);
});

afterAll(() => {
  fds[Symbol.dispose]();
  folder[Symbol.dispose]();
});

function refuses(attempt: () => unknown, kind: ErrorClass, message: RegExp): void {
  const before = openFds();
  const error = thrownBy(attempt);
  expectFds(before);
  expect((error as Error).constructor).toBe(kind);
  expect((error as Error).message).toMatch(message);
}

const TOO_LONG = UNIX_PATH_MOST + 1;
const LENGTHS = new RegExp(`${UNIX_PATH_MOST}.*${TOO_LONG}`);

const ENDPOINTS: [what: string, endpoint: unknown, kind: ErrorClass, message: RegExp][] = [
  ["a host name", { hostname: "localhost" }, TypeError, /numeric .*"localhost".*resolve/],
  ["an empty hostname", { hostname: "" }, TypeError, /numeric/],
  ["half an address", { hostname: "127.0.0" }, TypeError, /numeric/],
  ["an address with a port in it", { hostname: "127.0.0.1:80" }, TypeError, /numeric/],
  ["an address in brackets", { hostname: "[::1]" }, TypeError, /numeric/],
  ["an address with a NUL", { hostname: "127.0.0.1\0" }, TypeError, /numeric/],
  ["a hostname that is a number", { hostname: 2130706433 }, TypeError, /hostname/],
  ["a port of text", { port: "80" }, TypeError, /port/],
  ["a port below 0", { port: -1 }, RangeError, /port .*[01] to 65535.*-1/],
  ["a port above 65,535", { port: 65_536 }, RangeError, /port/],
  ["half a port", { port: 80.5 }, RangeError, /port/],
  ["a port that is not a number", { port: Number.NaN }, RangeError, /port/],
  ["unix and hostname", { unix: file, hostname: "::1" }, TypeError, /either/],
  ["unix and port", { unix: file, port: 0 }, TypeError, /either/],
  ["unix that is a number", { unix: 7 }, TypeError, /unix/],
  ["an empty path", { unix: "" }, RangeError, /unix/],
  ["a path of a byte too many", { unix: "/".padEnd(TOO_LONG, "x") }, RangeError, LENGTHS],
  [
    "a path of no letter, but a byte too many",
    { unix: "é".padEnd(UNIX_PATH_MOST, "x") },
    RangeError,
    LENGTHS,
  ],
  ["an abstract name of 109 bytes", { unix: "\0".padEnd(109, "x") }, RangeError, /108.*109/],
  ["a path with a NUL inside", { unix: `${file}\0tail` }, TypeError, /unix/],
];

const TYPES: [what: string, type: unknown, message: RegExp][] = [
  ["an unknown type", "seqpacket", /"stream" or "datagram".*"seqpacket"/],
  ["a type that is a number", 1, /type/],
  ["no type at all, by null", null, /type/],
  ["a type in capitals", "STREAM", /type/],
];

const FDS: [what: string, fd: unknown, kind: ErrorClass, message: RegExp][] = [
  ["below 0", -1, IOLoopError, /EBADF/],
  ["that nobody opened", 1_000_000, IOLoopError, /1000000.*EBADF|EBADF.*1000000/],
  ["above every number", 2 ** 31, IOLoopError, /EBADF/],
  ["with a fraction", 1.5, RangeError, /integer/],
  ["not a number", Number.NaN, RangeError, /integer/],
  ["of text", "3", TypeError, /fd must be/],
  ["undefined", undefined, TypeError, /fd must be/],
  ["null", null, TypeError, /fd must be/],
  ["a bigint", 3n, TypeError, /fd must be/],
];

const CALLS: [name: string, call: (fd: number) => unknown][] = [
  ["accept", (fd) => io.accept(fd)],
  ["read", (fd) => io.read(fd, four)],
  ["write", (fd) => io.write(fd, four)],
  ["receive", (fd) => io.receive(fd, four)],
  ["send", (fd) => io.send(fd, four)],
  ["close", (fd) => io.close(fd)],
  ["shutdown", (fd) => io.shutdown(fd, "both")],
  ["setNonBlocking", (fd) => io.setNonBlocking(fd)],
  ["localPort", (fd) => io.localPort(fd)],
  ["socketError", (fd) => io.socketError(fd)],
];

describe.each(ENDPOINTS)("%s", (_what, endpoint, kind, message) => {
  test("is refused by listen, connect and send, and nothing is opened", () => {
    const given = untyped<io.Endpoint>(endpoint);
    refuses(() => io.listen(given), kind, message);
    refuses(() => io.connect(given), kind, message);
    refuses(() => io.send(datagram, four, given), kind, message);
  });
});

test.each(TYPES)("%s is refused by listen, connect and socketpair", (_what, type, message) => {
  const given = untyped<io.SocketType>(type);
  refuses(() => io.listen({ type: given }), TypeError, message);
  refuses(() => io.connect({ type: given }), TypeError, message);
  refuses(() => io.socketpair(given), TypeError, message);
});

test.each([undefined, null, 8080])("options are needed, and %p is none", (value) => {
  const given = untyped<io.ListenOptions>(value);
  refuses(() => io.listen(given), TypeError, /must be an object, such as/);
  refuses(() => io.connect(given), TypeError, /must be an object, such as/);
});

test("a peer's port is needed", () => {
  refuses(() => io.connect({ hostname: "127.0.0.1" }), TypeError, /neither port nor unix/);
  refuses(() => io.connect({ port: 0 }), RangeError, /port .*1 to 65535/);
  refuses(() => io.send(datagram, four, {}), TypeError, /neither port nor unix.*without a name/);
});

test.each([-1, 0.5, Number.NaN, 2 ** 31])("a backlog of %f is refused", (backlog) => {
  refuses(() => io.listen({ backlog }), RangeError, /backlog/);
});

test("an interface that does not exist is refused", () => {
  refuses(() => io.listen({ hostname: "fe80::1%nowhere" }), IOLoopError, /fe80::1%nowhere/);
});

test("an address of another machine is refused, and the message names it", () => {
  const attempt = (): number => io.listen({ hostname: "192.0.2.1", port: 4711 });
  refuses(attempt, IOLoopError, /EADDRNOTAVAIL/);
  refuses(attempt, IOLoopError, /192\.0\.2\.1.*4711/);
});

describe.each(CALLS)("%s", (_name, call) => {
  test.each(FDS)("refuses an fd %s", (_what, fd, kind, message) => {
    refuses(() => call(untyped(fd)), kind, message);
  });
});

test("an object in the place of an fd is refused, and no other fd is touched for it", () => {
  const given = untyped<number>({ fd: here });
  refuses(() => io.accept(given), TypeError, /fd must be/);
  refuses(() => io.send(given, four), TypeError, /fd must be/);
  refuses(() => io.receive(given, four), TypeError, /fd must be/);
});

test("accept, receive, send and shutdown want a socket", () => {
  for (const attempt of [
    () => io.accept(reader),
    () => io.receive(reader, four),
    () => io.send(writer, four),
    () => io.shutdown(reader, "read"),
  ]) {
    refuses(attempt, IOLoopError, /ENOTSOCK.*not a socket/);
  }
});

test.each(["wr", "", "READ", 1, undefined])("shutdown of %p is refused", (direction) => {
  refuses(() => io.shutdown(here, untyped(direction)), TypeError, /"read", "write" or "both"/);
});

describe("a buffer", () => {
  test.each([
    ["text", "four"],
    ["an array", [1, 2, 3]],
    ["an ArrayBuffer", new ArrayBuffer(4)],
    ["words", new Uint16Array(4)],
    ["signed bytes", new Int8Array(4)],
    ["a DataView", new DataView(new ArrayBuffer(4))],
    ["undefined", undefined],
    ["null", null],
  ])("that is %s is refused", (_what, value) => {
    const buffer = untyped<Uint8Array>(value);
    refuses(() => io.read(reader, buffer), TypeError, /Uint8Array/);
    refuses(() => io.write(writer, buffer), TypeError, /Uint8Array/);
    refuses(() => io.receive(datagram, buffer), TypeError, /Uint8Array/);
    refuses(() => io.send(datagram, buffer), TypeError, /Uint8Array/);
  });

  test.each([
    [-1, undefined, /offset .*0 to 4.*-1/],
    [5, undefined, /offset/],
    [0.5, undefined, /offset/],
    [Number.NaN, undefined, /offset/],
    ["1", undefined, /offset/],
    [null, undefined, /offset/],
    [0, 5, /length .*0 to 4.*5/],
    [3, 2, /length .*0 to 1/],
    [4, 1, /length/],
    [0, -1, /length/],
    [0, 1.5, /length/],
    [0, Number.POSITIVE_INFINITY, /length/],
    [0, "2", /length/],
    [0, null, /length/],
  ])("with offset %p and length %p is refused", (offset, length, message) => {
    poke(writer, "kept");
    refuses(() => io.read(reader, four, untyped(offset), untyped(length)), RangeError, message);
    refuses(() => io.write(writer, four, untyped(offset), untyped(length)), RangeError, message);
    expect(drain(reader)).toBe("kept");
  });

  test("is used from offset on, for length bytes", () => {
    const text = Buffer.from("0123456789");
    expect(io.write(writer, text, 3, 4)).toBe(4);
    expect(drain(reader)).toBe("3456");
    expect(io.write(writer, text, 8)).toBe(2);
    expect(drain(reader)).toBe("89");
    poke(writer, "abcdef");
    const into = Buffer.from("..........");
    expect(io.read(reader, into, 2, 3)).toBe(3);
    expect(io.read(reader, into, 8)).toBe(2);
    expect(into.toString()).toBe("..abc...de");
    expect(drain(reader)).toBe("f");
  });

  test("that is a view of a larger one is used as the view", () => {
    const text = Buffer.from("0123456789");
    expect(io.write(writer, text.subarray(2, 8), 1, 3)).toBe(3);
    const into = Buffer.from("..........");
    expect(io.read(reader, into.subarray(4), 2)).toBe(3);
    expect(into.toString()).toBe("......345.");
  });

  test("may be shared or growing", () => {
    for (const memory of [new SharedArrayBuffer(8), new ArrayBuffer(8, { maxByteLength: 4096 })]) {
      const buffer = new Uint8Array(memory);
      poke(writer, "bytes");
      expect(io.read(reader, buffer)).toBe(5);
      expect(io.write(writer, buffer, 1, 3)).toBe(3);
      expect(drain(reader)).toBe("yte");
    }
  });

  test("that is empty, or used from its end on, moves nothing", () => {
    for (const [buffer, offset] of [
      [new Uint8Array(0), 0],
      [four, 4],
    ] as const) {
      expect(io.write(writer, buffer, offset)).toBe(0);
      expect(io.read(reader, four)).toBe(io.WOULD_BLOCK);
      poke(writer, "kept");
      expect(io.read(reader, buffer, offset)).toBe(0);
      expect(drain(reader)).toBe("kept");
    }
  });

  test("whose memory was given away is empty", () => {
    const buffer = new Uint8Array(8);
    structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
    expect(io.write(writer, buffer)).toBe(0);
    poke(writer, "kept");
    expect(io.read(reader, buffer)).toBe(0);
    expect(drain(reader)).toBe("kept");
  });
});

/** Nothing else is read or written between two calls of a test: the length of the last buffer is remembered. */
describe("a buffer that is used again", () => {
  const BYTES = "0123456789abcdefghijklmn";

  /** A view of all there is of eight bytes that can be more or fewer. */
  function tracking(): [memory: ArrayBuffer, buffer: Uint8Array] {
    const memory = new ArrayBuffer(8, { maxByteLength: 64 });
    return [memory, new Uint8Array(memory)];
  }

  test("after it was cut off, is read into and written from by its new length", () => {
    const [memory, buffer] = tracking();
    poke(writer, BYTES);
    expect(io.read(reader, buffer)).toBe(8);
    memory.resize(3);
    expect(io.read(reader, buffer)).toBe(3);
    expect(Buffer.from(buffer).toString()).toBe("89a");
    refuses(() => io.read(reader, buffer, 0, 8), RangeError, /length .*0 to 3/);
    refuses(() => io.read(reader, buffer, 4), RangeError, /offset .*0 to 3/);
    expect(io.write(writer, buffer)).toBe(3);
    expect(drain(reader)).toBe("bcdefghijklmn89a");
    memory.resize(0);
    expect(io.write(writer, buffer)).toBe(0);
    poke(writer, "kept");
    expect(io.read(reader, buffer)).toBe(0);
    expect(drain(reader)).toBe("kept");
  });

  test("after it has grown, is read into by its new length", () => {
    const [memory, buffer] = tracking();
    poke(writer, BYTES);
    expect(io.read(reader, buffer)).toBe(8);
    memory.resize(12);
    expect(io.read(reader, buffer)).toBe(12);
    expect(Buffer.from(buffer).toString()).toBe("89abcdefghij");
    expect(drain(reader)).toBe("klmn");
  });

  test("whose fixed part was cut off moves nothing", () => {
    const memory = new ArrayBuffer(8, { maxByteLength: 64 });
    const buffer = new Uint8Array(memory, 2, 6);
    poke(writer, BYTES);
    expect(io.read(reader, buffer)).toBe(6);
    memory.resize(4);
    expect(io.read(reader, buffer)).toBe(0);
    expect(io.write(writer, buffer)).toBe(0);
    expect(drain(reader)).toBe(BYTES.slice(6));
  });

  test("after its memory went elsewhere, moves nothing, and the memory stays as it is", () => {
    const buffer = new Uint8Array(new ArrayBuffer(8));
    poke(writer, BYTES);
    expect(io.read(reader, buffer)).toBe(8);
    const moved = new Uint8Array(buffer.buffer.transfer());
    expect(io.read(reader, buffer)).toBe(0);
    refuses(() => io.read(reader, buffer, 0, 8), RangeError, /length .*0 to 0/);
    expect(io.write(writer, buffer)).toBe(0);
    expect(Buffer.from(moved).toString()).toBe(BYTES.slice(0, 8));
    expect(drain(reader)).toBe(BYTES.slice(8));
  });

  test.each([4, 9, 2 ** 20])(
    "and by now tells a length of %d, is used as long as it is",
    (value) => {
      const memory = new ArrayBuffer(16);
      const buffer = new Uint8Array(memory, 0, 8);
      const behind = new Uint8Array(memory, 8);
      poke(writer, BYTES);
      expect(io.read(reader, buffer)).toBe(8);
      Object.defineProperty(buffer, "length", { value });
      expect(io.read(reader, buffer)).toBe(8);
      refuses(() => io.read(reader, buffer, 0, 9), RangeError, /length .*0 to 8/);
      expect(io.write(writer, buffer)).toBe(8);
      expect([...behind]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
      expect(drain(reader)).toBe(`${BYTES.slice(16)}${BYTES.slice(8, 16)}`);
    },
  );

  test("and goes on telling its length without its memory has none of it used", () => {
    for (const loseOf of [
      (memory: ArrayBuffer) => memory.transfer(),
      (memory: ArrayBuffer) => memory.resize(0),
    ]) {
      const [memory, buffer] = tracking();
      poke(writer, BYTES);
      expect(io.read(reader, buffer)).toBe(8);
      Object.defineProperty(buffer, "length", { value: 8 });
      const rest = loseOf(memory) ?? memory;
      refuses(() => io.read(reader, buffer), IOLoopError, /EFAULT/);
      refuses(() => io.write(writer, buffer), IOLoopError, /EFAULT/);
      expect(
        rest.byteLength === 0 || Buffer.from(rest).toString() === BYTES.slice(0, 8),
      ).toBeTrue();
      expect(drain(reader)).toBe(BYTES.slice(8));
    }
  });
});

test("errors of system calls tell code, errno, call and fd", () => {
  const error = thrownBy(() => io.accept(reader));
  expectIOLoopError(error, "ENOTSOCK", /accept/, new RegExp(`fd ${reader}`));
  const errno = constants.errno.ENOTSOCK;
  expect(error).toMatchObject({ name: "IOLoopError", errno, syscall: "accept", fd: reader });
});
