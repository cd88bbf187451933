// A TCP echo service on loop.start(). It prints its port, serves until its standard input ends, and then
// prints how late its interval was. While it serves, a 100 ms interval runs and 1,000 timeouts are pending.
import { createHistogram } from "node:perf_hooks";
import { IOLoop, READ, WRITE } from "bun-ioloop";
import { accept, close, listen, localPort, read, WOULD_BLOCK, write } from "bun-ioloop/io";

const BEAT_MS = 100;
const TIMEOUTS = 1000;
const NS_PER_MS = 1e6;

const loop = new IOLoop();
const buffer = new Uint8Array(65_536);
/** What a slow reader has not taken yet, by connection. */
const unsent = new Map<number, Uint8Array>();

function acceptAll(listener: number): void {
  for (let fd = accept(listener); fd !== WOULD_BLOCK; fd = accept(listener)) {
    loop.addHandler(fd, READ, echo);
  }
}

function echo(fd: number): void {
  const rest = unsent.get(fd);
  try {
    if (rest !== undefined) {
      sendOrKeep(fd, rest);
      return;
    }
    const count = read(fd, buffer);
    if (count > 0) sendOrKeep(fd, buffer.subarray(0, count));
    else if (count === 0) hangUp(fd);
  } catch {
    // The peer reset the connection.
    hangUp(fd);
  }
}

/** Until a slow reader has taken everything, nothing more is read from it. */
function sendOrKeep(fd: number, bytes: Uint8Array): void {
  const sent = Math.max(write(fd, bytes), 0);
  if (sent < bytes.length) {
    unsent.set(fd, bytes.slice(sent));
    loop.updateHandler(fd, WRITE);
  } else if (unsent.delete(fd)) {
    loop.updateHandler(fd, READ);
  }
}

function hangUp(fd: number): void {
  unsent.delete(fd);
  loop.removeHandler(fd);
  close(fd);
}

let fired = 0;
function keepPending(): void {
  fired++;
  loop.callLater(10 + Math.random() * 990, keepPending);
}
for (let index = 0; index < TIMEOUTS; index++) loop.callLater(Math.random() * 1000, keepPending);

const lateness = createHistogram();
let expected = loop.time();
loop.setInterval(BEAT_MS, () => {
  expected += BEAT_MS;
  const late = loop.time() - expected;
  lateness.record(Math.max(1, Math.round(late * NS_PER_MS)));
  // The loop leaves out the beats that a stall has swallowed.
  expected += Math.floor(late / BEAT_MS) * BEAT_MS;
});

const listener = listen({ hostname: "127.0.0.1", port: 0 });
loop.addHandler(listener, READ, acceptAll);
loop.addHandler(process.stdin, READ, ({ fd }) => {
  if (read(fd, buffer) === 0) loop.stop();
});

console.log(JSON.stringify({ port: localPort(listener) }));
loop.start();
console.log(
  JSON.stringify({
    beats: lateness.count,
    lateP50Ms: lateness.percentile(50) / NS_PER_MS,
    lateMaxMs: lateness.max / NS_PER_MS,
    timeoutsFired: fired,
  }),
);
loop.close();
