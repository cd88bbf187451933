import { describe, expect, test } from "bun:test";
import { closeSync, constants as file, openSync } from "node:fs";
import { constants } from "node:os";
import { ERROR, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { Fds, fill, poke, run, runUntilTrue, testLoop, thrownBy } from "./support.ts";
import { ICMP_ERROR, kqueue, lacks, OWN_SHUTDOWN, PEER_CLOSED } from "./support-backend.ts";
import { FAILED, HUNG_UP } from "./support-events.ts";
import { openPty, tcpSocket } from "./support-libc.ts";
import { deadPort, tcpPair } from "./support-tcp.ts";
import { watch } from "./support-watch.ts";

const hostname = "127.0.0.1";

describe("a pipe whose writer has gone", () => {
  test("is READ and hang-up, though only READ was asked for", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const seen = watch(loop, reader, READ);
    fds.close(writer);
    loop.runOnce(0);
    expect(seen).toEqual([READ | HUNG_UP]);
    expect(io.read(reader, new Uint8Array(1))).toBe(0);
  });

  test("is read to its end by a handler that knows only READ", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const buffer = new Uint8Array(2);
    const counts: number[] = [];
    loop.addHandler(reader, READ, (fd) => {
      const count = io.read(fd, buffer);
      counts.push(count);
      if (count === 0) loop.removeHandler(fd);
    });
    poke(writer, "abc");
    fds.close(writer);
    for (let pass = 0; pass < 5; pass++) loop.runOnce(0);
    expect(counts).toEqual([2, 1, 0]);
  });

  test("is told as long as a READ handler stays, and once to one of ERROR alone", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [readerA, writerA] = fds.pipe();
    const [readerB, writerB] = fds.pipe();
    const level = watch(loop, readerA, READ);
    const once = watch(loop, readerB, ERROR);
    fds.close(writerA);
    fds.close(writerB);
    for (let pass = 0; pass < 3; pass++) loop.runOnce(0);
    expect(level).toEqual([READ | HUNG_UP, READ | HUNG_UP, READ | HUNG_UP]);
    expect(once).toEqual([HUNG_UP]);
  });

  test("is told at the registration of an fd that hung up before", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    fds.close(writer);
    const seen = watch(loop, reader, ERROR);
    loop.runOnce(0);
    expect(seen).toEqual([HUNG_UP]);
  });
});

test("a pipe whose reader has gone is WRITE and error, and a write throws EPIPE", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  fill(writer);
  const seen = watch(loop, writer, WRITE);
  expect(loop.runOnce(0)).toBe(0);
  fds.close(reader);
  loop.runOnce(0);
  expect(seen).toEqual([WRITE | FAILED]);
  expect(thrownBy(() => poke(writer))).toMatchObject({ code: "EPIPE" });
});

describe("a unix socket", () => {
  test("whose peer has finished writing is READ alone", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, READ);
    const errors = watch(loop, b, ERROR);
    io.shutdown(b, "write");
    loop.runOnce(0);
    expect(seen).toEqual([READ]);
    expect(errors).toEqual([...OWN_SHUTDOWN]);
    expect(io.read(a, new Uint8Array(1))).toBe(0);
    poke(a);
    expect(io.read(b, new Uint8Array(1))).toBe(1);
  });

  test.each([
    ["READ", READ, PEER_CLOSED],
    ["WRITE", WRITE, WRITE | HUNG_UP],
    ["READ | WRITE", READ | WRITE, READ | WRITE | HUNG_UP],
    ["ERROR", ERROR, HUNG_UP],
  ])("whose peer has closed is a hang-up, beside what was asked for: %s", (_name, mask, told) => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const seen = watch(loop, a, mask);
    fds.close(b);
    loop.runOnce(0);
    expect(seen).toEqual([told]);
  });
});

describe("a TCP socket", () => {
  test("that connects is WRITE, without an error", () => {
    using loop = testLoop();
    using fds = new Fds();
    const listener = fds.keep(io.listen({ hostname }));
    const client = fds.keep(io.connect({ hostname, port: io.localPort(listener) }));
    const seen = watch(loop, client, READ | WRITE);
    runUntilTrue(loop, () => seen.length > 0);
    expect(seen[0]).toBe(WRITE);
    expect(io.socketError(client)).toBe(0);
  });

  test("that is refused is WRITE with an error, which socketError names", () => {
    using loop = testLoop();
    using fds = new Fds();
    const client = fds.keep(io.connect({ hostname, port: deadPort(fds, "stream") }));
    let told = 0;
    let errno = 0;
    loop.addHandler(client, WRITE, (fd, events) => {
      told = events;
      errno = io.socketError(fd);
      loop.stop();
    });
    run(loop);
    expect(told).toBe(WRITE | FAILED | HUNG_UP);
    if (!lacks("pending errors")) expect(errno).toBe(constants.errno.ECONNREFUSED);
  });

  test("that is refused is told once to ERROR alone", () => {
    using loop = testLoop();
    using fds = new Fds();
    const client = fds.keep(io.connect({ hostname, port: deadPort(fds, "stream") }));
    const seen = watch(loop, client, ERROR);
    runUntilTrue(loop, () => seen.length > 0);
    expect(loop.runOnce(20)).toBe(0);
    expect(seen).toEqual([FAILED | HUNG_UP]);
  });

  test("that never connected is a hang-up, until it is removed", () => {
    using loop = testLoop();
    using fds = new Fds();
    const fresh = fds.keep(tcpSocket());
    const seen = watch(loop, fresh, READ);
    loop.runOnce(0);
    loop.runOnce(0);
    loop.removeHandler(fresh);
    expect(loop.runOnce(0)).toBe(0);
    // kqueue tells no hang-up of it, and a kernel's kqueue nothing at all.
    if (kqueue) expect(seen.filter((events) => events !== READ)).toEqual([]);
    else expect(seen).toEqual([READ | HUNG_UP, READ | HUNG_UP]);
  });

  test("whose peer has finished writing is READ alone", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [client, server] = tcpPair(fds);
    const seen = watch(loop, client, READ);
    io.shutdown(server, "write");
    runUntilTrue(loop, () => seen.length > 0);
    expect(seen[0]).toBe(READ);
    expect(io.read(client, new Uint8Array(1))).toBe(0);
  });

  test("that is reset is READ, error and hang-up, and a read throws ECONNRESET", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [client, server] = tcpPair(fds);
    poke(client);
    const arrived = watch(loop, server, READ);
    runUntilTrue(loop, () => arrived.length > 0);
    loop.removeHandler(server);
    // Closing with unread data resets the connection.
    fds.close(server);
    const seen = watch(loop, client, READ);
    runUntilTrue(loop, () => seen.length > 0);
    expect(seen[0]).toBe(READ | FAILED | HUNG_UP);
    if (lacks("pending errors")) return;
    expect(thrownBy(() => io.read(client, new Uint8Array(1)))).toMatchObject({
      code: "ECONNRESET",
    });
  });
});

describe("an ICMP error on a UDP socket", () => {
  test("comes with READ where that was asked for, and receiving clears it", () => {
    using loop = testLoop();
    using fds = new Fds();
    const port = deadPort(fds, "datagram");
    const socket = fds.keep(io.connect({ hostname, port, type: "datagram" }));
    const told: number[] = [];
    loop.addHandler(socket, READ, (fd, events) => {
      told.push(events);
      if (lacks("pending errors")) return;
      expect(thrownBy(() => io.receive(fd, new Uint8Array(1)))).toMatchObject({
        code: "ECONNREFUSED",
      });
    });
    for (let count = 1; count <= 2; count++) {
      io.send(socket, new Uint8Array(1));
      runUntilTrue(loop, () => told.length === count);
      expect(loop.runOnce(0)).toBe(0);
    }
    expect(told).toEqual([READ | ICMP_ERROR, READ | ICMP_ERROR]);
  });

  test("does not make the loop spin where READ was not asked for", () => {
    using loop = testLoop();
    using fds = new Fds();
    const port = deadPort(fds, "datagram");
    const socket = fds.keep(io.connect({ hostname, port, type: "datagram" }));
    const seen = watch(loop, socket, ERROR);
    io.send(socket, new Uint8Array(1));
    if (ICMP_ERROR !== 0) runUntilTrue(loop, () => seen.length > 0);
    expect(loop.runOnce(20)).toBe(0);
    if (!lacks("pending errors")) {
      let errno = 0;
      // Over macOS's loopback the error comes a little later.
      runUntilTrue(loop, () => {
        errno = io.socketError(socket);
        return errno !== 0;
      });
      expect(errno).toBe(constants.errno.ECONNREFUSED);
    }
    expect(seen).toEqual(ICMP_ERROR === 0 ? [] : [ICMP_ERROR]);
  });
});

describe("a terminal", () => {
  const probe = openPty();
  if (probe === undefined) console.warn("terminals are not tested: there is no /dev/ptmx here");
  else closeSync(probe.master);

  test.skipIf(probe === undefined)("whose program has ended is a hang-up, not a spin", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const pty = openPty();
    if (pty === undefined) throw new Error("no terminal");
    const master = fds.keep(pty.master);
    io.setNonBlocking(master);
    const side = openSync(pty.path, file.O_RDWR | file.O_NOCTTY);
    const child = Bun.spawn(["sh", "-c", "echo from the terminal"], { stdio: [side, side, side] });
    closeSync(side);

    let text = "";
    let last = 0;
    let calls = 0;
    const buffer = new Uint8Array(256);
    loop.addHandler(master, READ, (fd, events) => {
      calls++;
      last = events;
      try {
        const count = io.read(fd, buffer);
        text += new TextDecoder().decode(buffer.subarray(0, Math.max(count, 0)));
        if (count === 0) loop.stop();
      } catch (error) {
        // Linux ends a terminal with EIO, other systems with an end of file.
        expect(error).toMatchObject({ code: "EIO" });
        loop.stop();
      }
    });
    run(loop);
    expect(await child.exited).toBe(0);
    expect(text.trim()).toBe("from the terminal");
    expect(last).toBe(READ | HUNG_UP);
    // One line comes in a few pieces at most.
    expect(calls).toBeLessThan(25);
  });
});
