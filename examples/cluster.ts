// An echo service on every core: one Worker for each, with a loop of its own that owns the Worker's thread. All of them
// listen on one port, and the kernel spreads the connections (Linux evenly; macOS gives them to one at a time). Ctrl-C
// ends it. Usage: bun examples/cluster.ts [WORKERS] [PORT]
import { availableParallelism } from "node:os";
import { IOLoop, READ, wake } from "bun-ioloop";
import { accept, close, listen, localPort, read, WOULD_BLOCK, write } from "bun-ioloop/io";

declare const self: Worker;

/** From a Worker: where it listens and how to wake it, then what it has served. */
type Report = { port: number; waker: number } | { connections: number };

if (Bun.isMainThread) await runMain();
else runWorker();

async function runMain(): Promise<void> {
  const count = Number(process.argv[2] ?? availableParallelism());
  const loop = new IOLoop();
  const wakers: number[] = [];
  let ended = 0;

  const launch = (port: number): void => {
    const worker = new Worker(import.meta.url);
    worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if ("connections" in data) {
        console.log(`a Worker has served ${data.connections} connections`);
        ended++;
        if (ended === count) loop.stop();
        return;
      }
      wakers.push(data.waker);
      // The first one may have let the kernel choose the port, which the others then share.
      if (wakers.length === 1) for (let more = 1; more < count; more++) launch(data.port);
      if (wakers.length === count) console.log(`${count} Workers serve 127.0.0.1:${data.port}`);
    };
    worker.postMessage(port);
  };

  loop.addSignalHandler("SIGINT", () => {
    for (const id of wakers) wake(id);
  });
  launch(Number(process.argv[3] ?? 0));
  await loop.run();
  process.exit(0);
}

function runWorker(): void {
  self.onmessage = ({ data: port }: MessageEvent<number>) => {
    const loop = new IOLoop();
    const buffer = new Uint8Array(65_536);
    let connections = 0;

    const hangUp = (fd: number): void => {
      loop.removeHandler(fd);
      close(fd);
    };
    const echo = (fd: number): void => {
      try {
        const count = read(fd, buffer);
        if (count === 0) hangUp(fd);
        // A service for strangers keeps what a slow reader has not taken: see echo-service.ts.
        else if (count > 0) write(fd, buffer, 0, count);
      } catch {
        // The client has reset the connection.
        hangUp(fd);
      }
    };
    const acceptAll = (listener: number): void => {
      for (let fd = accept(listener); fd !== WOULD_BLOCK; fd = accept(listener)) {
        connections++;
        loop.addHandler(fd, READ, echo);
      }
    };

    const listener = listen({ hostname: "127.0.0.1", port, reusePort: true });
    loop.addHandler(listener, READ, acceptAll);
    const waker = loop.waker(() => loop.stop());
    postMessage({ port: localPort(listener), waker: waker.id } satisfies Report);
    loop.start();
    loop.close();
    close(listener);
    postMessage({ connections } satisfies Report);
  };
}
