import { EDGE, ERROR, IOLoopError, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import type { Churn, Soak } from "./support-soak-context.ts";
import { piece } from "./support-soak-talk.ts";

const PIPES = 4;
const READ_MOST = 2048;
const buffer = new Uint8Array(READ_MOST);

/** Pipes: what one end takes comes out of the other, also when the writer has gone; a reader may go first. */
export class Pipes implements Churn {
  readonly name = "pipes";

  async lap(soak: Soak): Promise<void> {
    const lane = async (): Promise<void> => {
      while (!soak.over) await soak.expect(passThrough(soak), "a pipe's end");
    };
    await Promise.all(Array.from({ length: PIPES }, lane));
  }
}

async function passThrough(soak: Soak): Promise<void> {
  const [reader, writer] = io.pipe();
  const bytes = piece(soak);
  const leaves = soak.chance(4);
  const [written] = await Promise.all([
    write(soak, writer, bytes, leaves),
    read(soak, reader, bytes, leaves),
  ]);
  soak.check(leaves || written === bytes.length, () => `a pipe took ${written} bytes`);
}

/** Resolves with how many bytes the pipe has taken when its writer has closed it. */
function write(soak: Soak, fd: number, bytes: Uint8Array, mayFail: boolean): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let sent = 0;
  const end = (): void => {
    soak.loop.removeHandler(fd);
    io.close(fd);
    resolve(sent);
  };
  soak.loop.addHandler(fd, WRITE, () => {
    try {
      const count = io.write(fd, bytes, sent);
      if (count !== io.WOULD_BLOCK) sent += count;
      if (sent === bytes.length) end();
    } catch (error) {
      const gone = error instanceof IOLoopError && error.code === "EPIPE";
      soak.check(mayFail && gone, () => `a pipe failed: ${error}`);
      end();
    }
  });
  return promise;
}

/** Resolves when everything was read up to the end of the file, or, where it `leaves`, some of it. */
function read(soak: Soak, fd: number, bytes: Uint8Array, leaves: boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const enough = leaves ? soak.pick(bytes.length) : Number.POSITIVE_INFINITY;
  const mask = soak.chance(2) ? READ : READ | EDGE;
  let received = 0;
  const end = (): void => {
    soak.loop.removeHandler(fd);
    io.close(fd);
    soak.totals.bytes += received;
    resolve();
  };
  soak.loop.addHandler(fd, mask, () => {
    for (;;) {
      const count = io.read(fd, buffer);
      if (count === io.WOULD_BLOCK) return;
      const expected = bytes.subarray(received, received + count);
      received += count;
      const same = Buffer.compare(expected, buffer.subarray(0, count)) === 0;
      soak.check(same, () => `a pipe gave other bytes before byte ${received}`);
      if (count === 0) {
        soak.check(received === bytes.length, () => `${received} of ${bytes.length} bytes came`);
      }
      if (count === 0 || received >= enough) return end();
      // Level-triggered, one read at a time will do.
      if (mask === READ) return;
    }
  });
  return promise;
}

const DATAGRAMS_MOST = 64;
const WINDOW = 4;

/** Datagrams, each with its number, over UDP and Unix sockets: answered one by one, and none is lost. */
export class Datagrams implements Churn {
  readonly name = "datagrams";

  async lap(soak: Soak): Promise<void> {
    const lane = async (open: () => Ends): Promise<void> => {
      while (!soak.over) await soak.expect(exchange(soak, open()), "datagrams");
    };
    await Promise.all([lane(unixEnds), lane(udpEnds)]);
  }
}

interface Ends {
  readonly near: number;
  readonly far: number;
}

function unixEnds(): Ends {
  const [near, far] = io.socketpair("datagram");
  return { near, far };
}

function udpEnds(): Ends {
  const far = io.listen({ hostname: "127.0.0.1", type: "datagram" });
  const near = io.connect({ port: io.localPort(far), type: "datagram" });
  return { near, far };
}

/** Sends some numbers, a few at a time, to the far end, which sends them back to whom they came from. */
function exchange(soak: Soak, { near, far }: Ends): Promise<void> {
  const { loop } = soak;
  const { promise, resolve } = Promise.withResolvers<void>();
  const most = 1 + soak.pick(DATAGRAMS_MOST);
  const number = new Uint32Array(1);
  const message = new Uint8Array(number.buffer);
  const from: io.Sender = {};
  let sent = 0;
  let answered = 0;
  const post = (): void => {
    while (sent < most && sent - answered < WINDOW) {
      number[0] = sent++;
      io.send(near, message);
    }
  };
  const end = (): void => {
    for (const fd of [near, far]) {
      loop.removeHandler(fd);
      io.close(fd);
    }
    soak.totals.datagrams += answered;
    resolve();
  };
  loop.addHandler(far, READ, () => {
    while (io.receive(far, message, from) !== io.WOULD_BLOCK) {
      io.send(far, message, from.port === undefined ? undefined : from);
    }
  });
  loop.addHandler(near, READ | ERROR, () => {
    while (io.receive(near, message) !== io.WOULD_BLOCK) {
      const came = number[0];
      soak.check(came === answered, () => `datagram ${came} came in place of ${answered}`);
      answered++;
    }
    if (answered === most) end();
    else post();
  });
  post();
  return promise;
}
