import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { READ } from "../src/events.ts";
import * as io from "../src/io.ts";
import { drain, Fds, poke, thrownBy, untyped } from "./support.ts";
import { liar, longer, revokedProxy } from "./support-abuse.ts";
import { Folder, waitFor } from "./support-system.ts";

const hostname = "127.0.0.1";
const type = "datagram";

const fds = new Fds();
const folder = new Folder();
const [reader, writer] = fds.pair();
const [near, far] = fds.pair(type);

afterAll(() => {
  fds[Symbol.dispose]();
  folder[Symbol.dispose]();
});

beforeEach(() => {
  drain(reader);
  drain(far);
});

/** Eight bytes that tell of a million. */
const LIARS: [what: string, make: () => Uint8Array][] = [
  ["of a subclass", longer],
  ["put on the buffer itself", liar],
  ["put on a Buffer itself", () => liar(Buffer.alloc(8))],
];

describe.each(LIARS)("a length %s", (_what, make) => {
  test("takes no byte from beyond the memory", () => {
    expect(io.write(writer, make())).toBe(8);
    expect(io.write(writer, make(), 6)).toBe(2);
    expect(io.send(near, make())).toBe(8);
    expect(drain(reader)).toHaveLength(10);
    expect(io.receive(far, new Uint8Array(64))).toBe(8);
  });

  test("puts no byte beyond the memory", () => {
    poke(writer, "0123456789abcdef");
    expect(io.read(reader, make())).toBe(8);
    expect(drain(reader)).toBe("89abcdef");
    poke(near, "0123456789abcdef");
    expect(io.receive(far, make())).toBe(8);
  });

  test("is no measure for offset and length", () => {
    for (const [offset, length] of [
      [9, undefined],
      [0, 9],
      [8, 1],
    ] as const) {
      expect(thrownBy(() => io.read(reader, make(), offset, length))).toBeInstanceOf(RangeError);
      expect(thrownBy(() => io.write(writer, make(), offset, length))).toBeInstanceOf(RangeError);
    }
  });
});

test.each([
  ["a proxy of one", new Proxy(new Uint8Array(8), {})],
  [
    "an object made from its prototype",
    Object.create(Uint8Array.prototype, { length: { value: 8 } }),
  ],
  ["a revoked proxy", revokedProxy()],
])("%s is no buffer", (_what, value) => {
  const buffer = untyped<Uint8Array>(value);
  for (const attempt of [
    () => io.read(reader, buffer),
    () => io.write(writer, buffer),
    () => io.receive(far, buffer),
    () => io.send(near, buffer),
  ]) {
    const error = thrownBy(attempt);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toBe("buffer must be a Uint8Array, not an object");
  }
});

test.each([
  [2 ** 32, undefined],
  [2 ** 53, 2 ** 53],
  [1, 2 ** 32],
  [Number.MAX_SAFE_INTEGER, 1],
  [1, Number.MAX_SAFE_INTEGER],
  [Number.MAX_VALUE, Number.MAX_VALUE],
])("offset %d and length %d do not wrap round", (offset, length) => {
  const four = new Uint8Array(4);
  expect(thrownBy(() => io.read(reader, four, offset, length))).toBeInstanceOf(RangeError);
  expect(thrownBy(() => io.write(writer, four, offset, length))).toBeInstanceOf(RangeError);
});

describe("an address whose getter, in the middle of send,", () => {
  const path = folder.file("receiver");
  const receiver = fds.keep(io.listen({ unix: path, type }));

  test("gives the buffer's memory away has nothing sent of it", () => {
    const buffer = Buffer.from(new ArrayBuffer(4096));
    const to = {
      get unix(): string {
        structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
        return path;
      },
    };
    expect(io.send(near, buffer, to)).toBe(0);
    expect(io.receive(receiver, new Uint8Array(8))).toBe(0);
  });

  test("shrinks it has only the rest sent", () => {
    const memory = new ArrayBuffer(65_536, { maxByteLength: 65_536 });
    const to = {
      get unix(): string {
        memory.resize(3);
        return path;
      },
    };
    expect(io.send(near, new Uint8Array(memory), to)).toBe(3);
    expect(io.receive(receiver, new Uint8Array(8))).toBe(3);
  });

  test("throws passes its error on, and nothing is sent", () => {
    const to = {
      get unix(): string {
        throw new Error("of the getter");
      },
    };
    expect(() => io.send(near, new Uint8Array(8), to)).toThrow("of the getter");
    expect(io.receive(receiver, new Uint8Array(8))).toBe(io.WOULD_BLOCK);
  });
});

describe("what is to be filled with the sender", () => {
  const server = fds.keep(io.listen({ hostname, type }));
  const to = { hostname, port: io.localPort(server) };
  const clients = [0, 1].map(() => fds.keep(io.listen({ hostname, type }))) as [number, number];

  /** One datagram of each, in order, which have arrived. */
  function sendAll(): void {
    while (io.receive(server, new Uint8Array(8)) !== io.WOULD_BLOCK);
    for (const client of clients) {
      io.send(client, new Uint8Array(2), to);
      waitFor(server, READ);
    }
  }

  test.each([null, 1, "from", () => {}])("is refused when it is no object: %p", (value) => {
    poke(near, "kept");
    const error = thrownBy(() => io.receive(far, new Uint8Array(8), untyped(value)));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toStartWith("from must be an object");
    expect(io.receive(far, new Uint8Array(8))).toBe(4);
  });

  test("may throw as it is filled: the next datagram comes as ever", () => {
    sendAll();
    const from = {
      set hostname(_: string) {
        throw new Error("of the setter");
      },
    };
    expect(() => io.receive(server, new Uint8Array(8), from)).toThrow("of the setter");
    const next: io.Sender = {};
    expect(io.receive(server, new Uint8Array(8), next)).toBe(2);
    expect(next).toEqual({ hostname, port: io.localPort(clients[1]) });
  });

  test("may receive the next one itself as it is filled, and still gets its own sender", () => {
    sendAll();
    const next: io.Sender = {};
    const from: io.Sender = {
      set hostname(_: string) {
        io.receive(server, new Uint8Array(8), next);
      },
    };
    io.receive(server, new Uint8Array(8), from);
    expect([from.port, next.port]).toEqual([io.localPort(clients[0]), io.localPort(clients[1])]);
  });

  test("may be frozen, which it says itself", () => {
    sendAll();
    const error = thrownBy(() => io.receive(server, new Uint8Array(8), Object.freeze({})));
    expect(error).toBeInstanceOf(TypeError);
  });
});
