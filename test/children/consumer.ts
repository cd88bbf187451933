// A program that uses the package's types. It is compiled, as a consumer in a strict project would, and not run.
import {
  EDGE,
  type FdLike,
  IOLoop,
  IOLoopError,
  type IOLoopOptions,
  instance,
  READ,
  type TimeoutRef,
  type Waker,
  WRITE,
  wake,
} from "bun-ioloop";
import { connect, type ListenOptions, listen, pipe, read, WOULD_BLOCK } from "bun-ioloop/io";
import { ioloop, util } from "bun-ioloop/turbo";

interface Port {
  readonly fd: number;
  readonly name: string;
}

const options: IOLoopOptions = {
  maxEvents: 16,
  onError(error, { source, fd }): void {
    if (error instanceof IOLoopError) console.error(source, fd, error.code, error.errno);
  },
};

/** A loop can be disposed of, also by those whose own library knows no Disposable. */
export function serve(port: Port): boolean {
  using loop = new IOLoop(options);
  loop.addHandler(port, READ | EDGE, ({ name }, events) => {
    const text: string = name;
    const bits: number = events;
    console.log(text, bits & WRITE);
  });
  loop.addHandler(3, READ, (label, fd) => label.length + fd, "label");
  // @ts-expect-error: a port's name is not an fd
  loop.addHandler(port.name, READ, () => {});
  // @ts-expect-error: the handler gets the port, not a number
  loop.addHandler(port, READ, (fd: number) => fd);
  const ref: TimeoutRef = loop.callLater(5, (text) => text.trim(), "text");
  const answer: number = loop.runUntil(async () => 7, { timeout: 100 });
  const any: FdLike = port;
  return loop.removeTimeout(ref) && loop.removeHandler(any) && answer === 7;
}

/** The parts that need Bun's loop, or another thread. */
export async function beside(port: Port): Promise<boolean> {
  const loop = instance();
  const waker: Waker = loop.waker(() => loop.stop());
  loop.addSignalHandler("SIGTERM", (signo) => signo > 0);
  loop.addChildHandler(1, (_pid, status) => status?.exitCode ?? status?.signalCode);
  const ended: Promise<void> = loop.run();
  const events: number = await loop.readable(port, { timeout: 5 });
  for await (const bits of loop.events(port, READ)) if (bits === events) break;
  await loop.sleep(5);
  await ended;
  return wake(waker.id);
}

const where: ListenOptions = { port: 0, reusePort: true };
// @ts-expect-error: a port is a number
listen({ port: "80" });
const [reader] = pipe();
if (read(reader, new Uint8Array(8)) === WOULD_BLOCK) connect({ port: listen(where) });

const backend: "epoll" | "kqueue" = instance().backend;
console.log(backend);
ioloop.instance().add_timeout(util.gettimeofday() + 10, () => {});
// @ts-expect-error: Turbo's names are not on IOLoop
instance().add_timeout(1, () => {});
