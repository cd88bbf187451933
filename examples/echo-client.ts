// Loads an echo service: CONNECTIONS TCP connections, each sending the next 64-byte message when the last
// has come back. Prints its progress, then its figures, as lines of JSON.
import { createHistogram } from "node:perf_hooks";
import { IOLoop, READ, WRITE } from "bun-ioloop";
import { close, connect, read, socketError, write } from "bun-ioloop/io";

const CONNECTIONS = 64;
const MESSAGE_BYTES = 64;
const DURATION_MS = 3000;
const PROGRESS_MS = 100;
const NS_PER_MS = 1e6;

const port = Number(process.argv[2]);
const loop = new IOLoop();
const roundTrips = createHistogram();
const message = new Uint8Array(MESSAGE_BYTES).fill(0x2e);
const buffer = new Uint8Array(MESSAGE_BYTES);

interface Connection {
  readonly fd: number;
  sentAt: number;
  received: number;
}

function begin(connection: Connection, fd: number): void {
  const errno = socketError(fd);
  if (errno !== 0) throw new Error(`connecting to port ${port} failed with errno ${errno}`);
  loop.removeHandler(fd);
  loop.addHandler(fd, READ, receive, connection);
  send(connection);
}

function send(connection: Connection): void {
  connection.received = 0;
  connection.sentAt = loop.time();
  if (write(connection.fd, message) !== MESSAGE_BYTES) throw new Error("a message was cut short");
}

function receive(connection: Connection, fd: number): void {
  const count = read(fd, buffer);
  if (count === 0) throw new Error("the service closed the connection");
  connection.received += Math.max(count, 0);
  if (connection.received < MESSAGE_BYTES) return;
  roundTrips.record(Math.round((loop.time() - connection.sentAt) * NS_PER_MS));
  send(connection);
}

const fds = Array.from({ length: CONNECTIONS }, () => connect({ hostname: "127.0.0.1", port }));
for (const fd of fds) loop.addHandler(fd, WRITE, begin, { fd, sentAt: 0, received: 0 });

const began = loop.time();
const elapsedMs = (): number => loop.time() - began;
loop.setInterval(PROGRESS_MS, () => {
  console.log(JSON.stringify({ elapsedMs: elapsedMs(), messages: roundTrips.count }));
});
loop.callLater(DURATION_MS, () => loop.stop());
loop.start();

console.log(
  JSON.stringify({
    elapsedMs: elapsedMs(),
    messages: roundTrips.count,
    connections: CONNECTIONS,
    p50Us: roundTrips.percentile(50) / 1000,
    p99Us: roundTrips.percentile(99) / 1000,
  }),
);
loop.close();
for (const fd of fds) close(fd);
