// A TCP echo service by node:net. It prints its port and serves until its input ends.
import { createServer } from "node:net";
import { report } from "../measure.mjs";

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes) => {
    if (socket.write(bytes)) return;
    socket.pause();
    socket.once("drain", () => socket.resume());
  });
});

server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  report({ port: server.address().port });
});
process.stdin.on("end", () => process.exit()).resume();
