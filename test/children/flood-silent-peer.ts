// Writes to peers that read nothing, of three kinds at once, and has them read at last: flood-silent-peer.ts <mode>
import { type IOLoop, READ, WRITE } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { Fds, poke, testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn } from "../support-modes.ts";
import { tcpPair } from "../support-tcp.ts";

/** More than any of their buffers holds. */
const BYTES = 16_000_000;
/** A prime, so that a piece that is missing or out of its place shows itself. */
const PERIOD = 251;
const SETTLE_MS = 50;
const REST_MS = 200;
const MOST_MS = 15_000;

const chunk = Uint8Array.from({ length: PERIOD * 260 }, (_, index) => index % PERIOD);
const buffer = new Uint8Array(65_536);
let calls = 0;
let sent = 0;
let arrived = 0;
let misplaced = 0;
let stuck = 0;

function writeAll(loop: IOLoop, writer: number): void {
  let position = 0;
  loop.addHandler(writer, WRITE, () => {
    calls++;
    while (position < BYTES) {
      const offset = position % PERIOD;
      const length = Math.min(chunk.length - offset, BYTES - position);
      const count = io.write(writer, chunk, offset, length);
      if (count === io.WOULD_BLOCK) {
        stuck++;
        return;
      }
      position += count;
      sent += count;
    }
    loop.removeHandler(writer);
  });
}

function readAll(loop: IOLoop, reader: number, done: () => void): void {
  let position = 0;
  loop.addHandler(reader, READ, () => {
    const count = io.read(reader, buffer);
    for (let index = 0; index < count; index++) {
      if (buffer[index] !== (position + index) % PERIOD) misplaced++;
    }
    if (count > 0) position += count;
    arrived += Math.max(count, 0);
    if (position === BYTES) done();
  });
}

using loop = testLoop();
using fds = new Fds();
const [pipeReader, pipeWriter] = fds.pipe();
const ways = [fds.pair(), [pipeWriter, pipeReader], tcpPair(fds)] as const;
for (const [writer] of ways) writeAll(loop, writer);

const [reader, writer] = fds.pipe();
let served = 0;
loop.addHandler(reader, READ, () => {
  served++;
  io.read(reader, buffer);
});

interface Rest {
  readonly cpu: NodeJS.CpuUsage;
  readonly at: number;
  readonly calls: number;
  readonly passes: number;
  readonly rss: number;
  readonly served: number;
}
const now = (): Rest => ({
  cpu: process.cpuUsage(),
  at: loop.time(),
  calls,
  passes: loop.metrics().iterations,
  rss: process.memoryUsage().rss,
  served,
});

let figures: Record<string, number> = {};
loop.callLater(SETTLE_MS, () => {
  const before = now();
  const poking = loop.setInterval(10, () => poke(writer));
  loop.callLater(REST_MS, () => {
    loop.clearInterval(poking);
    const after = now();
    const { user, system } = process.cpuUsage(before.cpu);
    figures = {
      stuck,
      toldWhileFull: after.calls - before.calls,
      restMs: after.at - before.at,
      cpuMs: (user + system) / 1000,
      passes: after.passes - before.passes,
      grownBytes: after.rss - before.rss,
      served: after.served - before.served,
    };
    let left = ways.length;
    for (const [, peer] of ways) {
      readAll(loop, peer, () => {
        if (--left === 0) loop.stop();
      });
    }
  });
});
await runIn(modeOf(process.argv[2]), loop, MOST_MS);
report({ ...figures, unsent: ways.length * BYTES - sent, unread: sent - arrived, misplaced });
