// A TCP echo service by Bun.listen. It prints its port and serves until its input ends.
import { report } from "../measure.mjs";

/** What a slow reader has not taken yet. */
interface Connection {
  unsent: Uint8Array | undefined;
}

const server = Bun.listen<Connection>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { unsent: undefined };
    },
    data(socket, bytes) {
      const { data } = socket;
      if (data.unsent !== undefined) {
        data.unsent = Buffer.concat([data.unsent, bytes]);
        return;
      }
      const sent = Math.max(socket.write(bytes), 0);
      if (sent < bytes.length) data.unsent = bytes.slice(sent);
    },
    drain(socket) {
      const { data } = socket;
      if (data.unsent === undefined) return;
      const sent = Math.max(socket.write(data.unsent), 0);
      data.unsent = sent < data.unsent.length ? data.unsent.subarray(sent) : undefined;
    },
  },
});

report({ port: server.port });
process.stdin.on("end", () => process.exit()).resume();
