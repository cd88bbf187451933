// Three services in one process, two of Bun's and one of a hosted loop: Bun.serve, Bun.listen with an echo, and an echo on
// the loop. Prints their ports and serves until its input ends.
import { IOLoop, READ } from "bun-ioloop";
import { accept, close, listen, localPort, read, WOULD_BLOCK, write } from "bun-ioloop/io";

const loop = new IOLoop();
const buffer = new Uint8Array(65_536);

function echo(fd: number): void {
  try {
    const count = read(fd, buffer);
    if (count > 0) write(fd, buffer, 0, count);
    if (count !== 0) return;
  } catch {
    // A client that has measured enough leaves answers unread, which resets its connections.
  }
  loop.removeHandler(fd);
  close(fd);
}

const listener = listen({ hostname: "127.0.0.1" });
loop.addHandler(listener, READ, () => {
  for (let fd = accept(listener); fd !== WOULD_BLOCK; fd = accept(listener)) {
    loop.addHandler(fd, READ, echo);
  }
});

const hostname = "127.0.0.1";
const http = Bun.serve({ hostname, port: 0, fetch: () => new Response("hello") });
const bunEcho = Bun.listen({
  hostname,
  port: 0,
  socket: {
    data(socket, bytes) {
      socket.write(bytes);
    },
  },
});

console.log(JSON.stringify([http.port, bunEcho.port, localPort(listener)]));
process.stdin.on("end", () => process.exit()).resume();
await loop.run();
