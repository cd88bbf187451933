// Writes the time to one of two connections, now and then: fifty times to the first, fifty to the second, and so on.
// Usage: writer.ts PORT PORT COUNT GAP-MS
import { IOLoop } from "bun-ioloop";
import { close, connect, write } from "bun-ioloop/io";
import { now } from "./clock.ts";

const TURN = 50;
const [firstPort, secondPort, count, gapMs] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
const loop = new IOLoop();
const fds = [firstPort, secondPort].map((port) => connect({ port }));
const message = Buffer.alloc(8);
let sent = 0;

function send(): void {
  if (sent === 2 * count) {
    loop.stop();
    return;
  }
  message.writeDoubleLE(now());
  write(fds[Math.floor(sent / TURN) % 2] as number, message);
  sent++;
  loop.callLater(gapMs * (0.75 + Math.random() / 2), send);
}

loop.callLater(100, send);
loop.start();
for (const fd of fds) close(fd);
