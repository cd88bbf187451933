import { describe, expect, test } from "bun:test";
import { constants as file } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import { STATE_POLLER_FD, STATE_WAKE_FD } from "../src/abi.ts";
import { READ } from "../src/events.ts";
import { IOLoop } from "../src/index.ts";
import * as io from "../src/io.ts";
import { drain, Fds, poke, thrownBy } from "./support.ts";
import { runChild } from "./support-child.ts";
import { isCloseOnExec, isNonBlocking, socketOption, statusFlags } from "./support-libc.ts";
import { expectIOLoopError, Folder, onMacos, testPoller, waitFor } from "./support-system.ts";

const { WOULD_BLOCK } = io;
const hostname = "127.0.0.1";
const { O_NONBLOCK } = file;

/** One fd of each kind that the library makes, by the call that made it. */
function everyFd(fds: Fds, folder: Folder): Record<string, number> {
  const tcp = fds.keep(io.listen({ hostname }));
  const client = fds.keep(io.connect({ hostname, port: io.localPort(tcp) }));
  waitFor(tcp, READ);
  const unix = folder.file("socket");
  const [streamA, streamB] = fds.pair();
  const [datagramA, datagramB] = fds.pair("datagram");
  const [reader, writer] = fds.pipe();
  return {
    "listen, TCP": tcp,
    "connect, TCP": client,
    "accept, TCP": fds.keep(io.accept(tcp)),
    "listen, UDP": fds.keep(io.listen({ hostname, type: "datagram" })),
    "connect, UDP": fds.keep(io.connect({ hostname, port: 9, type: "datagram" })),
    "listen, Unix": fds.keep(io.listen({ unix })),
    "connect, Unix": fds.keep(io.connect({ unix })),
    "socketpair, stream": streamA,
    "socketpair, stream, other": streamB,
    "socketpair, datagram": datagramA,
    "socketpair, datagram, other": datagramB,
    "pipe, reader": reader,
    "pipe, writer": writer,
  };
}

describe("every fd", () => {
  test("is non-blocking and close-on-exec", () => {
    using fds = new Fds();
    using folder = new Folder();
    const wrong = Object.entries(everyFd(fds, folder)).filter(
      ([, fd]) => !isNonBlocking(fd) || !isCloseOnExec(fd),
    );
    expect(wrong).toEqual([]);
  });

  test("of a loop is close-on-exec", () => {
    using poller = testPoller();
    using loop = new IOLoop();
    for (const fd of [
      poller.state[STATE_POLLER_FD],
      poller.state[STATE_WAKE_FD],
      poller.expose(),
      loop.fd,
    ]) {
      expect(isCloseOnExec(fd as number)).toBeTrue();
    }
  });

  test("stays here when a program is spawned", async () => {
    using fds = new Fds();
    using folder = new Folder();
    // What a shell opens by itself has a small number, and what it inherits the number that it has here.
    while (fds.pipe()[1] < 30);
    const ours = Object.values(everyFd(fds, folder));
    const child = Bun.spawn(["sh", "-c", "echo /dev/fd/*"], {
      stdin: "ignore",
      timeout: 4000,
    });
    const theirs = (await child.stdout.text()).split(" ").map((path) => Number(basename(path)));
    expect(theirs).toContain(1);
    expect(ours.filter((fd) => theirs.includes(fd))).toEqual([]);
  });

  test("of TCP sends small messages at once", () => {
    using fds = new Fds();
    using folder = new Folder();
    const [protocol, noDelay] = [6, 1];
    for (const [call, fd] of Object.entries(everyFd(fds, folder))) {
      if (!call.endsWith("TCP")) continue;
      // On macOS an option that is on tells its own bit.
      expect([call, socketOption(fd, protocol, noDelay)]).toEqual([call, onMacos ? 4 : 1]);
    }
  });
});

describe("a pipe", () => {
  test("is [read end, write end]", () => {
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer, "forward");
    expect(drain(reader)).toBe("forward");
    for (const attempt of [() => poke(reader), () => io.read(writer, new Uint8Array(1))]) {
      expectIOLoopError(thrownBy(attempt), "EBADF");
    }
  });

  test("that is full takes a part, then would block until it is read", () => {
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const big = new Uint8Array(1024 * 1024);
    const taken = io.write(writer, big);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(big.length);
    expect(io.write(writer, big)).toBe(WOULD_BLOCK);
    expect(io.read(reader, big)).toBe(taken);
    expect(io.read(reader, big)).toBe(WOULD_BLOCK);
    expect(io.write(writer, big, 0, 1)).toBe(1);
  });

  test("whose writer has gone ends with 0", () => {
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    fds.close(writer);
    expect(io.read(reader, new Uint8Array(1))).toBe(0);
  });
});

describe("writing where nobody reads throws EPIPE and never raises SIGPIPE", () => {
  test.each(["ignored", "listened", "default"])("with SIGPIPE %s", async (disposition) => {
    const { stdout, code } = await runChild("broken-pipe.ts", { args: [disposition] });
    expect(stdout).toBe("EPIPE\nEPIPE\n");
    expect(code).toBe(0);
  });
});

describe("a socketpair", () => {
  test("of streams is connected both ways and keeps no message borders", () => {
    using fds = new Fds();
    const [a, b] = fds.pair("stream");
    poke(a, "one");
    poke(a, "two");
    expect(drain(b)).toBe("onetwo");
    poke(b, "back");
    expect(drain(a)).toBe("back");
  });

  test("of datagrams is connected both ways and keeps message borders", () => {
    using fds = new Fds();
    const [a, b] = fds.pair("datagram");
    poke(a, "one");
    poke(a, "three");
    const buffer = new Uint8Array(16);
    expect(io.read(b, buffer)).toBe(3);
    expect(io.read(b, buffer)).toBe(5);
    expect(io.read(b, buffer)).toBe(WOULD_BLOCK);
    expect(io.write(b, buffer, 0, 2)).toBe(2);
    expect(io.read(a, buffer)).toBe(2);
  });
});

test("setNonBlocking switches the mode of the open file and nothing else", () => {
  using fds = new Fds();
  const [reader] = fds.pipe();
  const before = statusFlags(reader);
  const blocking = before & ~O_NONBLOCK;
  for (const [on, flags] of [
    [false, blocking],
    [false, blocking],
    [undefined, before],
    [true, before],
  ] as const) {
    io.setNonBlocking(reader, on);
    expect(statusFlags(reader)).toBe(flags);
    expect(isCloseOnExec(reader)).toBeTrue();
  }
});

describe("localPort", () => {
  test("is what the kernel chose, or what was asked for", () => {
    using fds = new Fds();
    for (const type of ["stream", "datagram"] as const) {
      const chosen = fds.keep(io.listen({ hostname, type }));
      const port = io.localPort(chosen);
      expect(port).toBeWithin(1, 65_536);
      fds.close(chosen);
      expect(io.localPort(fds.keep(io.listen({ hostname, port, type })))).toBe(port);
    }
  });

  test("is 0 for a Unix socket, and an error for what is no socket", () => {
    using fds = new Fds();
    expect(io.localPort(fds.pair()[0])).toBe(0);
    const [reader] = fds.pipe();
    expectIOLoopError(
      thrownBy(() => io.localPort(reader)),
      "ENOTSOCK",
    );
  });
});

test("socketError of a healthy socket is 0, and an error for what is no socket", () => {
  using fds = new Fds();
  const [reader] = fds.pipe();
  expect(io.socketError(fds.pair()[0])).toBe(0);
  expectIOLoopError(
    thrownBy(() => io.socketError(reader)),
    "ENOTSOCK",
  );
});

test("WOULD_BLOCK is Linux's -EAGAIN on every system, and no count", () => {
  expect(WOULD_BLOCK).toBe(-11);
  expect(constants.errno.EAGAIN).toBe(onMacos ? 35 : 11);
});
