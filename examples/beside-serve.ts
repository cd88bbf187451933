// A loop beside Bun.serve, in one thread: it reads lines from standard input through its fd, as it would from a serial
// port, and Bun's HTTP server tells how many there were. SIGTERM and Ctrl-C end both. Usage: bun examples/beside-serve.ts
import { instance, READ } from "bun-ioloop";
import { read, setNonBlocking } from "bun-ioloop/io";

const loop = instance();
const buffer = new Uint8Array(65_536);
let lines = 0;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () => new Response(`${lines} lines\n`),
});

async function countLines(fd: number): Promise<void> {
  for await (const _events of loop.events(fd, READ)) {
    const count = read(fd, buffer);
    if (count === 0) return;
    for (let at = 0; at < count; at++) if (buffer[at] === 0x0a) lines++;
  }
}

const end = (): void => loop.stop();
loop.addSignalHandler("SIGTERM", end);
loop.addSignalHandler("SIGINT", end);

setNonBlocking(process.stdin.fd);
// Closing the loop ends it too, with an error that is none.
countLines(process.stdin.fd).catch((error) => loop.closed || console.error(error));
console.log(`counting lines; ask ${server.url}`);
await loop.run();

await server.stop(true);
loop.close();
console.log(`ended after ${lines} lines`);
