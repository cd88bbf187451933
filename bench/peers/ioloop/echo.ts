// A TCP echo service on start(), or with HOSTED of 1 on run(); SPIN is the loop's option, in microseconds. It prints its
// port and serves until its input ends. Usage: echo.ts [SPIN] [HOSTED]
import { IOLoop, READ, WRITE } from "bun-ioloop";
import { accept, close, listen, localPort, read, WOULD_BLOCK, write } from "bun-ioloop/io";
import { numbers, report } from "../measure.mjs";

const [spin = 0, hosted = 0] = numbers();
const loop = new IOLoop({ spin });
const buffer = new Uint8Array(65_536);
/** What a slow reader has not taken yet, by connection. */
const unsent = new Map<number, Uint8Array>();

function echo(fd: number, events: number): void {
  try {
    if ((events & WRITE) !== 0 && unsent.size > 0) {
      sendRest(fd);
      return;
    }
    const count = read(fd, buffer);
    if (count > 0) send(fd, count);
    else if (count === 0) hangUp(fd);
  } catch {
    // A client may reset its connection.
    hangUp(fd);
  }
}

function send(fd: number, count: number): void {
  const sent = Math.max(write(fd, buffer, 0, count), 0);
  if (sent === count) return;
  unsent.set(fd, buffer.slice(sent, count));
  loop.updateHandler(fd, WRITE);
}

function sendRest(fd: number): void {
  const rest = unsent.get(fd) as Uint8Array;
  const sent = Math.max(write(fd, rest), 0);
  if (sent < rest.length) {
    unsent.set(fd, rest.subarray(sent));
    return;
  }
  unsent.delete(fd);
  loop.updateHandler(fd, READ);
}

function hangUp(fd: number): void {
  unsent.delete(fd);
  loop.removeHandler(fd);
  close(fd);
}

const listener = listen({ hostname: "127.0.0.1", backlog: 1024 });
loop.addHandler(listener, READ, () => {
  for (let fd = accept(listener); fd !== WOULD_BLOCK; fd = accept(listener)) {
    loop.addHandler(fd, READ, echo);
  }
});
loop.addHandler(0, READ, (fd) => {
  if (read(fd, buffer) === 0) process.exit();
});

report({ port: localPort(listener) });
if (hosted === 1) await loop.run();
else loop.start();
