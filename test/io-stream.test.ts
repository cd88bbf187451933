import { describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { ERROR, READ, WRITE } from "../src/events.ts";
import * as io from "../src/io.ts";
import { drain, Fds, openFds, poke, thrownBy } from "./support.ts";
import { lacks } from "./support-backend.ts";
import {
  expectFds,
  expectIOLoopError,
  Folder,
  hasAbstractNames,
  hasIpv6,
  onMacos,
  waitFor,
} from "./support-system.ts";
import { deadPort, tcpPair } from "./support-tcp.ts";

const { WOULD_BLOCK } = io;
const { ECONNREFUSED } = constants.errno;

/** A listener, and how to reach it. */
interface Place {
  readonly listener: number;
  readonly endpoint: io.Endpoint;
}

function tcpPlace(fds: Fds, hostname: string): Place {
  const listener = fds.keep(io.listen({ hostname }));
  return { listener, endpoint: { hostname, port: io.localPort(listener) } };
}

function unixPlace(fds: Fds, unix: string): Place {
  return { listener: fds.keep(io.listen({ unix })), endpoint: { unix } };
}

const PLACES: readonly {
  readonly name: string;
  readonly available?: boolean;
  readonly open: (fds: Fds, folder: Folder) => Place;
}[] = [
  { name: "TCP over IPv4", open: (fds) => tcpPlace(fds, "127.0.0.1") },
  { name: "TCP over IPv6", available: hasIpv6, open: (fds) => tcpPlace(fds, "::1") },
  { name: "a Unix path", open: (fds, folder) => unixPlace(fds, folder.file("socket")) },
  {
    name: "an abstract Unix name",
    available: hasAbstractNames,
    open: (fds, folder) => unixPlace(fds, `\0${folder.path} abstract`),
  },
];

describe.each(PLACES)("a connection over $name", ({ open, available = true }) => {
  const connected = (fds: Fds): [client: number, server: number] => {
    using folder = new Folder();
    const { listener, endpoint } = open(fds, folder);
    expect(io.accept(listener)).toBe(WOULD_BLOCK);
    const client = fds.keep(io.connect(endpoint));
    expect(waitFor(client, WRITE)).toBe(WRITE);
    expect(io.socketError(client)).toBe(0);
    expect(waitFor(listener, READ)).toBe(READ);
    const server = fds.keep(io.accept(listener));
    expect(io.accept(listener)).toBe(WOULD_BLOCK);
    return [client, server];
  };

  test.skipIf(!available)("carries bytes both ways, and would block in between", () => {
    using fds = new Fds();
    const [client, server] = connected(fds);
    const buffer = new Uint8Array(16);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      expect(io.read(to, buffer)).toBe(WOULD_BLOCK);
      expect(io.write(from, Buffer.from("hello"))).toBe(5);
      waitFor(to, READ);
      expect(io.read(to, buffer)).toBe(5);
      expect(buffer.subarray(0, 5).toString()).toBe(Buffer.from("hello").join());
      expect(io.read(to, buffer)).toBe(WOULD_BLOCK);
    }
  });

  test.skipIf(!available)("ends with 0, after what was sent before", () => {
    using fds = new Fds();
    const [client, server] = connected(fds);
    poke(client, "last words");
    fds.close(client);
    waitFor(server, READ);
    const buffer = new Uint8Array(4);
    expect(io.read(server, buffer)).toBe(4);
    expect(drain(server)).toBe(" words");
    expect(io.read(server, buffer)).toBe(0);
    expect(io.read(server, buffer)).toBe(0);
  });

  test.skipIf(!available)(
    "takes a part of what does not fit, then would block until it is read",
    () => {
      using fds = new Fds();
      const [client, server] = connected(fds);
      const big = new Uint8Array(32 * 1024 * 1024);
      const first = io.write(client, big);
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThan(big.length);
      let sent = first;
      for (let more = first; more !== WOULD_BLOCK; sent += Math.max(more, 0)) {
        more = io.write(client, big);
      }
      let received = 0;
      const buffer = new Uint8Array(1024 * 1024);
      while (received < sent) {
        waitFor(server, READ);
        received += Math.max(io.read(server, buffer), 0);
      }
      expect(received).toBe(sent);
      expect(waitFor(client, WRITE)).toBe(WRITE);
      expect(io.write(client, big, 0, 1)).toBe(1);
    },
  );

  test.skipIf(!available)("is closed in one direction, and still carries the other", () => {
    using fds = new Fds();
    const [client, server] = connected(fds);
    io.shutdown(client, "write");
    waitFor(server, READ);
    expect(io.read(server, new Uint8Array(1))).toBe(0);
    expectIOLoopError(
      thrownBy(() => poke(client)),
      "EPIPE",
    );
    poke(server, "answer");
    waitFor(client, READ);
    expect(drain(client)).toBe("answer");
  });
});

/** macOS drops what is sent where reading was shut down, as if it had arrived. */
const tellsNoWriter = onMacos;
if (tellsNoWriter)
  console.log("macOS tells no Unix socket that its peer reads no more: not tested");

describe("shutdown", () => {
  test("of reading gives end of file on this side, and a broken pipe on the other", () => {
    using fds = new Fds();
    const [here, there] = fds.pair();
    io.shutdown(here, "read");
    expect(io.read(here, new Uint8Array(1))).toBe(0);
    expect(io.write(here, new Uint8Array(1))).toBe(1);
    if (tellsNoWriter) return;
    expectIOLoopError(
      thrownBy(() => poke(there)),
      "EPIPE",
      /write/,
    );
  });

  test("of both ends both", () => {
    using fds = new Fds();
    const [here, there] = fds.pair();
    io.shutdown(here, "both");
    expect(io.read(here, new Uint8Array(1))).toBe(0);
    expect(io.read(there, new Uint8Array(1))).toBe(0);
    for (const fd of tellsNoWriter ? [here] : [here, there]) {
      expectIOLoopError(
        thrownBy(() => poke(fd)),
        "EPIPE",
      );
    }
  });
});

describe("a connection that fails", () => {
  test("is writable with an error, and socketError tells which, once", () => {
    using fds = new Fds();
    const port = deadPort(fds, "stream");
    const client = fds.keep(io.connect({ hostname: "127.0.0.1", port }));
    const events = waitFor(client, WRITE);
    expect(events & WRITE).toBe(WRITE);
    expect(events & ERROR).not.toBe(0);
    if (!lacks("pending errors")) expect(io.socketError(client)).toBe(ECONNREFUSED);
    expect(io.socketError(client)).toBe(0);
  });

  test("fails at once where there is no Unix socket, and the message names the path", () => {
    using folder = new Folder();
    const before = openFds();
    const unix = folder.file("nobody");
    const error = thrownBy(() => io.connect({ unix }));
    expectIOLoopError(error, "ENOENT", /connect/);
    expect((error as Error).message).toContain(unix);
    expectFds(before);
  });

  test("fails at once where a Unix socket's backlog is full, and the message names the path", () => {
    using fds = new Fds();
    using folder = new Folder();
    const unix = folder.file("socket");
    // macOS takes 0 for as many as it can hold.
    fds.keep(io.listen({ unix, backlog: onMacos ? 1 : 0 }));
    const error = thrownBy(() => {
      for (let attempt = 0; attempt < 10; attempt++) fds.keep(io.connect({ unix }));
    });
    expectIOLoopError(error, onMacos ? "ECONNREFUSED" : "EAGAIN", /connect/);
    expect((error as Error).message).toContain(unix);
  });

  test("throws ECONNRESET where the peer left without reading", () => {
    using fds = new Fds();
    const [client, server] = tcpPair(fds);
    poke(client, "unread");
    waitFor(server, READ);
    fds.close(server);
    expect(waitFor(client, READ) & ERROR).not.toBe(0);
    if (lacks("pending errors")) return;
    const error = thrownBy(() => io.read(client, new Uint8Array(1)));
    expectIOLoopError(error, "ECONNRESET", /read/, /peer/);
  });
});

describe("an address that is taken", () => {
  test("throws EADDRINUSE and names host and port", () => {
    using fds = new Fds();
    const hostname = "127.0.0.1";
    const port = io.localPort(fds.keep(io.listen({ hostname })));
    const before = openFds();
    const error = thrownBy(() => io.listen({ hostname, port }));
    expectIOLoopError(error, "EADDRINUSE", /listen/, /127\.0\.0\.1/, /another port/);
    expect((error as Error).message).toContain(String(port));
    expectFds(before);
  });

  test("throws EADDRINUSE and names the path", () => {
    using fds = new Fds();
    using folder = new Folder();
    const unix = folder.file("socket");
    fds.keep(io.listen({ unix }));
    const before = openFds();
    const error = thrownBy(() => io.listen({ unix }));
    expectIOLoopError(error, "EADDRINUSE", /listen/);
    expect((error as Error).message).toContain(unix);
    expectFds(before);
  });

  test("can be listened on again when only old connections are left", () => {
    using fds = new Fds();
    const hostname = "127.0.0.1";
    const listener = fds.keep(io.listen({ hostname }));
    const port = io.localPort(listener);
    const client = fds.keep(io.connect({ hostname, port }));
    waitFor(listener, READ);
    const server = io.accept(listener);
    fds.close(listener);
    // Closing first leaves the server's side in TIME_WAIT.
    io.close(server);
    waitFor(client, READ);
    fds.close(client);
    expect(io.localPort(fds.keep(io.listen({ hostname, port })))).toBe(port);
  });

  test.each(["stream", "datagram"] as const)("is shared by %s sockets with reusePort", (type) => {
    using fds = new Fds();
    const hostname = "127.0.0.1";
    const first = fds.keep(io.listen({ hostname, type, reusePort: true }));
    const port = io.localPort(first);
    const second = fds.keep(io.listen({ hostname, port, type, reusePort: true }));
    expect(io.localPort(second)).toBe(port);
    expectIOLoopError(
      thrownBy(() => io.listen({ hostname, port, type })),
      "EADDRINUSE",
    );
  });
});
