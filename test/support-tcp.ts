import * as io from "../src/io.ts";
import type { Fds } from "./support.ts";

const hostname = "127.0.0.1";

/** Both ends of one TCP connection over loopback. */
export function tcpPair(fds: Fds): [client: number, server: number] {
  const listener = fds.keep(io.listen({ hostname }));
  const client = fds.keep(io.connect({ hostname, port: io.localPort(listener) }));
  const limit = performance.now() + 5000;
  while (performance.now() < limit) {
    const server = io.accept(listener);
    if (server === io.WOULD_BLOCK) continue;
    fds.close(listener);
    return [client, fds.keep(server)];
  }
  throw new Error("no connection over loopback within 5 s");
}

/** A port where nobody answers: that of a connected socket, so that no one else is given it meanwhile. */
export function deadPort(fds: Fds, type: io.SocketType): number {
  if (type === "stream") return io.localPort(tcpPair(fds)[0]);
  const discardPort = 9;
  return io.localPort(fds.keep(io.connect({ hostname, port: discardPort, type })));
}
