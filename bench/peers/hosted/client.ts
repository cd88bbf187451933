// Loads one or two services at once and prints how long their answers took, in microseconds, as JSON. With a rate,
// messages are sent at that rate, but none where an answer is still awaited; with 0, each connection sends its next message when it has the
// answer to the last. Usage: client.ts SECONDS PORT:echo|http:CONNECTIONS:RATE...
import { createHistogram } from "node:perf_hooks";
import { IOLoop, READ } from "bun-ioloop";
import { connect, read, write } from "bun-ioloop/io";

const encoder = new TextEncoder();
const MESSAGES: Readonly<Record<string, Uint8Array>> = {
  echo: encoder.encode("x".repeat(64)),
  http: encoder.encode("GET / HTTP/1.1\r\nHost: bench\r\n\r\n"),
};
const TICK_MS = 1;
const CONNECTED_MS = 50;

const [seconds, ...loads] = process.argv.slice(2);
const loop = new IOLoop();
const buffer = new Uint8Array(65_536);

interface Connection {
  readonly fd: number;
  /** When the message was sent whose answer is awaited; 0: none is. */
  sentAt: number;
}

function begin(load: string) {
  const [port, kind, connections, rate] = load.split(":");
  const message = MESSAGES[kind as string] as Uint8Array;
  const perTick = (Number(rate) * TICK_MS) / 1000;
  const times = createHistogram();

  const send = (connection: Connection): void => {
    connection.sentAt = performance.now();
    write(connection.fd, message);
  };
  const receive = (connection: Connection, fd: number): void => {
    // Every answer is small enough to come at once.
    if (read(fd, buffer) <= 0 || connection.sentAt === 0) return;
    times.record(Math.max(1, Math.round((performance.now() - connection.sentAt) * 1e6)));
    connection.sentAt = 0;
    if (perTick === 0) send(connection);
  };
  const all = Array.from({ length: Number(connections) }, () => {
    const connection = { fd: connect({ port: Number(port) }), sentAt: 0 };
    loop.addHandler(connection.fd, READ, receive, connection);
    return connection;
  });
  let next = 0;
  const tick = (): void => {
    for (let left = perTick; left > 0; left--) {
      const connection = all[next++ % all.length] as Connection;
      if (connection.sentAt === 0) send(connection);
    }
  };
  loop.callLater(CONNECTED_MS, () => {
    if (perTick === 0) for (const connection of all) send(connection);
    else loop.setInterval(TICK_MS, tick);
  });
  return times;
}

const histograms = loads.map(begin);
loop.callLater(Number(seconds) * 1000, () => loop.stop());
loop.start();
const figures = histograms.map((times) => ({
  count: times.count,
  p50: times.percentile(50) / 1000,
  p99: times.percentile(99) / 1000,
}));
console.log(JSON.stringify(figures));
