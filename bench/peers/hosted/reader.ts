// Hears of writes by another process in two ways at once: a handler on a hosted loop, which reads, and Bun.connect's own
// data handler. Prints its two ports; then, when the writer has hung up, the microseconds from each write.
import { IOLoop, READ } from "bun-ioloop";
import { accept, listen, localPort, read } from "bun-ioloop/io";
import { now } from "./clock.ts";

const loop = new IOLoop();
const latencies: Record<"bun" | "loop", number[]> = { bun: [], loop: [] };
const buffer = Buffer.alloc(8);

const server = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    data(_socket, bytes) {
      if (bytes.length === buffer.length) latencies.bun.push(now() - bytes.readDoubleLE());
    },
  },
});

const listener = listen({ hostname: "127.0.0.1" });
loop.addHandler(listener, READ, () => {
  loop.addHandler(accept(listener), READ, (fd) => {
    const count = read(fd, buffer);
    if (count === 0) loop.stop();
    else if (count === buffer.length) latencies.loop.push(now() - buffer.readDoubleLE());
  });
});

console.log(JSON.stringify([server.port, localPort(listener)]));
await loop.run();
console.log(JSON.stringify(latencies));
process.exit(0);
