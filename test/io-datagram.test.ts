import { describe, expect, test } from "bun:test";
import { READ } from "../src/events.ts";
import * as io from "../src/io.ts";
import { Fds, thrownBy } from "./support.ts";
import { lacks } from "./support-backend.ts";
import {
  expectIOLoopError,
  Folder,
  hasAbstractNames,
  hasIpv6,
  onMacos,
  UNIX_PATH_MOST,
  waitFor,
} from "./support-system.ts";
import { deadPort } from "./support-tcp.ts";

const { WOULD_BLOCK } = io;
const type = "datagram";
const hostname = "127.0.0.1";
/** What IPv4 can hold; macOS has a smaller limit of its own, net.inet.udp.maxdgram. */
const UDP_MOST = onMacos ? 9216 : 65_507;

/** What arrives next at `fd`, as text, with its sender. */
function arrival(fd: number): readonly [text: string, from: io.Sender] {
  waitFor(fd, READ);
  const buffer = Buffer.alloc(2048);
  const from: io.Sender = {};
  const count = io.receive(fd, buffer, from);
  return [buffer.toString("utf8", 0, count), from];
}

describe.each([
  ["UDP over IPv4", hostname, true],
  ["UDP over IPv6", "::1", hasIpv6],
])("%s", (_name, host, available) => {
  test.skipIf(!available)("tells the sender, whom an answer reaches", () => {
    using fds = new Fds();
    const server = fds.keep(io.listen({ hostname: host, type }));
    const client = fds.keep(io.listen({ hostname: host, type }));
    const to = { hostname: host, port: io.localPort(server) };
    expect(io.receive(server, new Uint8Array(8))).toBe(WOULD_BLOCK);
    expect(io.send(client, Buffer.from("question"), to)).toBe(8);

    const [question, from] = arrival(server);
    expect(question).toBe("question");
    expect(from).toEqual({ hostname: host, port: io.localPort(client) });
    io.send(server, Buffer.from("answer"), from);
    expect(arrival(client)).toEqual(["answer", to]);
  });

  test.skipIf(!available)("is sent without an address by a connected socket", () => {
    using fds = new Fds();
    const server = fds.keep(io.listen({ hostname: host, type }));
    const client = fds.keep(io.connect({ hostname: host, port: io.localPort(server), type }));
    expect(io.send(client, Buffer.from("to my peer"))).toBe(10);
    const [text, from] = arrival(server);
    expect(text).toBe("to my peer");
    expect(from.port).toBe(io.localPort(client));
    io.send(server, Buffer.from("back"), from);
    waitFor(client, READ);
    expect(io.read(client, new Uint8Array(8))).toBe(4);
  });
});

describe("a datagram", () => {
  test("is one message, empty ones too", () => {
    using fds = new Fds();
    const [here, there] = fds.pair(type);
    for (const text of ["one", "", "three"])
      expect(io.send(here, Buffer.from(text))).toBe(text.length);
    expect(["one", "", "three"].map(() => arrival(there)[0])).toEqual(["one", "", "three"]);
    expect(io.receive(there, new Uint8Array(8))).toBe(WOULD_BLOCK);
  });

  test("that does not fit the buffer loses its rest", () => {
    using fds = new Fds();
    const [here, there] = fds.pair(type);
    io.send(here, Buffer.from("long message"));
    io.send(here, Buffer.from("next"));
    const buffer = Buffer.alloc(4);
    expect(io.receive(there, buffer)).toBe(4);
    expect(buffer.toString()).toBe("long");
    expect(arrival(there)[0]).toBe("next");
  });

  test("is sent from the view that is given, and received into it", () => {
    using fds = new Fds();
    const [here, there] = fds.pair(type);
    const memory = Buffer.from("[inside]........");
    expect(io.send(here, memory.subarray(1, 7))).toBe(6);
    waitFor(there, READ);
    expect(io.receive(there, memory.subarray(9, 14))).toBe(5);
    expect(memory.toString()).toBe("[inside].insid..");
  });

  test("would block where the receiver's queue is full", () => {
    using fds = new Fds();
    const [here, there] = fds.pair(type);
    const message = Buffer.alloc(1000, "m");
    let sent = 0;
    while (io.send(here, message) !== WOULD_BLOCK) sent++;
    expect(sent).toBeGreaterThan(0);
    expect(arrival(there)[0]).toBe(message.toString());
    expect(io.send(here, message)).toBe(1000);
  });

  test("that is too long for one throws EMSGSIZE", () => {
    using fds = new Fds();
    const socket = fds.keep(io.listen({ hostname, type }));
    const to = { hostname, port: io.localPort(socket) };
    const tooLong = new Uint8Array(UDP_MOST + 1);
    expectIOLoopError(
      thrownBy(() => io.send(socket, tooLong, to)),
      "EMSGSIZE",
    );
    expect(io.send(socket, tooLong.subarray(1), to)).toBe(UDP_MOST);
  });

  test.skipIf(lacks("pending errors"))(
    "that found nobody is told of once, at the next call",
    () => {
      using fds = new Fds();
      const port = deadPort(fds, type);
      const client = fds.keep(io.connect({ hostname, port, type }));
      io.send(client, new Uint8Array(1));
      waitFor(client, READ);
      expectIOLoopError(
        thrownBy(() => io.receive(client, new Uint8Array(1))),
        "ECONNREFUSED",
      );
      expect(io.receive(client, new Uint8Array(1))).toBe(WOULD_BLOCK);
    },
  );
});

describe("Unix datagrams", () => {
  test("tell the sender's path, which an answer reaches", () => {
    using fds = new Fds();
    using folder = new Folder();
    const [here, there] = [folder.file("hier drüben"), folder.file("there")];
    const server = fds.keep(io.listen({ unix: there, type }));
    const client = fds.keep(io.listen({ unix: here, type }));
    io.send(client, Buffer.from("question"), { unix: there });
    const [question, from] = arrival(server);
    expect(question).toBe("question");
    expect(from).toEqual({ unix: here });
    io.send(server, Buffer.from("answer"), from);
    expect(arrival(client)).toEqual(["answer", { unix: there }]);
  });

  test.skipIf(!hasAbstractNames)("tell the sender's abstract name, NUL and all", () => {
    using fds = new Fds();
    using folder = new Folder();
    const here = `\0${folder.path} sender`;
    const there = `\0${folder.path} receiver`;
    const server = fds.keep(io.listen({ unix: there, type }));
    const client = fds.keep(io.listen({ unix: here, type }));
    io.send(client, Buffer.from("hello"), { unix: there });
    expect(arrival(server)).toEqual(["hello", { unix: here }]);
  });

  test("of a nameless sender tell nobody, and clear what stood there", () => {
    using fds = new Fds();
    using folder = new Folder();
    const unix = folder.file("socket");
    const server = fds.keep(io.listen({ unix, type }));
    const client = fds.keep(io.connect({ unix, type }));
    io.send(client, Buffer.from("anonymous"));
    waitFor(server, READ);
    const from: io.Sender = { hostname: "1.2.3.4", port: 5, unix: "/old" };
    expect(io.receive(server, new Uint8Array(16), from)).toBe(9);
    expect(from).toEqual({ hostname: undefined, port: undefined, unix: undefined });
  });

  test("leave the sender alone where nothing arrived", () => {
    using fds = new Fds();
    const [here] = fds.pair(type);
    const from: io.Sender = { hostname: "1.2.3.4", port: 5 };
    expect(io.receive(here, new Uint8Array(16), from)).toBe(WOULD_BLOCK);
    expect(from).toEqual({ hostname: "1.2.3.4", port: 5 });
  });

  test.each([
    ["path", "", UNIX_PATH_MOST],
    ...(hasAbstractNames ? [["abstract name", "\0", 108] as const] : []),
  ] as const)("reach the longest %s", (_what, start, bytes) => {
    using fds = new Fds();
    using folder = new Folder();
    const unix = `${start}${folder.path}/`.padEnd(bytes, "x");
    const server = fds.keep(io.listen({ unix, type }));
    const client = fds.keep(io.connect({ unix, type }));
    io.send(client, Buffer.from("far away"));
    expect(arrival(server)[0]).toBe("far away");
    io.send(server, Buffer.from("to itself"), { unix });
    expect(arrival(server)).toEqual(["to itself", { unix }]);
  });
});

test("a stream's receive works as read, and tells no sender", () => {
  using fds = new Fds();
  const [here, there] = fds.pair();
  expect(io.send(here, Buffer.from("stream"))).toBe(6);
  expect(arrival(there)).toEqual([
    "stream",
    { hostname: undefined, port: undefined, unix: undefined },
  ]);
});
