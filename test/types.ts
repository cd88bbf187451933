// Read by the compiler alone (npm run typecheck): it fails where a type is not what is said here, or an
// error is expected in vain. Nothing of this is run, and no test imports it.
import { expectTypeOf } from "bun:test";
import { parentPort } from "node:worker_threads";
import {
  type ExitStatus,
  type FdLike,
  type IntervalRef,
  IOLoop,
  instance,
  READ,
  type TimeoutRef,
} from "../src/index.ts";
import * as io from "../src/io.ts";
import { ioloop } from "../src/turbo.ts";

interface Socket {
  readonly fd: number;
  readonly name: string;
}

interface State {
  count: number;
}

/** How a program uses the library; exported because nobody calls it. */
export function program(loop: IOLoop, socket: Socket, state: State): void {
  loop.addHandler(3, READ, (fd, events) => {
    expectTypeOf(fd).toBeNumber();
    expectTypeOf(events).toBeNumber();
  });
  loop.addHandler(socket, READ, (given, events) => {
    expectTypeOf(given).toEqualTypeOf<Socket>();
    expectTypeOf(events).toBeNumber();
  });
  loop.addHandler(
    socket,
    READ,
    (arg, given, events) => {
      expectTypeOf(arg).toEqualTypeOf<State>();
      expectTypeOf(given).toEqualTypeOf<Socket>();
      expectTypeOf(events).toBeNumber();
    },
    state,
  );
  loop.addHandler(socket, READ, async () => {});

  // @ts-expect-error: a handler without arg has two parameters
  loop.addHandler(socket, READ, (_arg: State, _socket: Socket, _events: number) => {});
  // @ts-expect-error: arg comes first
  loop.addHandler(socket, READ, (_socket: Socket, _arg: State, _events: number) => {}, state);
  // @ts-expect-error: the handler gets a socket, not text
  loop.addHandler(socket, READ, (_socket: string) => {});
  // @ts-expect-error: there is no fd in it
  loop.addHandler({ name: "socket" }, READ, () => {});
  // @ts-expect-error: an fd is a number
  loop.addHandler("3", READ, () => {});
  // @ts-expect-error: events are a number
  loop.addHandler(3, "READ", () => {});
  // @ts-expect-error: a handler is needed
  loop.addHandler(3, READ);

  loop.addCallback((arg) => expectTypeOf(arg).toEqualTypeOf<State>(), state);
  loop.callLater(1, (arg) => expectTypeOf(arg).toEqualTypeOf<State>(), state);
  loop.callAt(1, (arg) => expectTypeOf(arg).toEqualTypeOf<State>(), state);
  loop.addTimeout(1, (arg) => expectTypeOf(arg).toEqualTypeOf<State>(), state);
  loop.setInterval(1, (arg) => expectTypeOf(arg).toEqualTypeOf<State>(), state);
  // @ts-expect-error: without arg there is no parameter
  loop.addCallback((_arg: State) => {});
  // @ts-expect-error: the parameter is arg's type
  loop.callLater(1, (_arg: string) => {}, state);
  // @ts-expect-error: a moment is a number
  loop.addTimeout(new Date(), () => {});

  expectTypeOf(loop.addCallback(() => {})).toEqualTypeOf<IOLoop>();
  expectTypeOf(loop.callLater(1, () => {})).toEqualTypeOf<TimeoutRef>();
  expectTypeOf(loop.setInterval(1, () => {})).toEqualTypeOf<IntervalRef>();
  expectTypeOf(loop.runUntil(Promise.resolve("text"))).toBeString();
  expectTypeOf(loop.runUntil(async () => state)).toEqualTypeOf<State>();
  expectTypeOf(loop.runUntil(() => 7)).toBeNumber();
  expectTypeOf(instance()).toEqualTypeOf<IOLoop>();
  expectTypeOf<Socket>().toExtend<FdLike>();
  expectTypeOf(new IOLoop()).toExtend<Disposable>();
  // @ts-expect-error: the loop alone says whether it is closed
  loop.closed = true;

  expectTypeOf(loop.run()).toEqualTypeOf<Promise<void>>();
  expectTypeOf(loop.ref().unref()).toEqualTypeOf<IOLoop>();
  expectTypeOf(loop.readable(socket, { timeout: 1 })).toEqualTypeOf<Promise<number>>();
  expectTypeOf(loop.sleep(1, { signal: AbortSignal.abort() })).toEqualTypeOf<Promise<void>>();
  // @ts-expect-error: a sleep has no other timeout than its own
  loop.sleep(1, { timeout: 2 });
  expectTypeOf(loop.events(socket, READ).next()).resolves.toExtend<{ value: unknown }>();

  loop.addSignalHandler("SIGTERM", (signo) => expectTypeOf(signo).toBeNumber());
  loop.addSignalHandler(15, (arg, signo) => [arg.count, signo], state);
  // @ts-expect-error: arg comes first
  loop.addSignalHandler(15, (_signo: number, _arg: State) => {}, state);
  loop.addChildHandler(1, (pid, status) => {
    expectTypeOf(pid).toBeNumber();
    expectTypeOf(status).toEqualTypeOf<ExitStatus | undefined>();
  });
  expectTypeOf(loop.waker().id).toBeNumber();
  expectTypeOf(loop.addPort(new MessageChannel().port1, () => {})).toBeNumber();
  if (parentPort !== null) loop.addPort(parentPort, (data) => expectTypeOf(data).toBeUnknown());
  // @ts-expect-error: a Worker is no port
  loop.addPort({ name: "worker" }, () => {});

  const turbo = ioloop.instance();
  turbo.add_handler(socket, READ, (given) => expectTypeOf(given).toEqualTypeOf<Socket>());
  turbo.add_handler(socket, READ, (arg) => expectTypeOf(arg).toEqualTypeOf<State>(), state);
  turbo.add_signal_handler("SIGHUP", (arg, signo) => [arg.count, signo], state);
  turbo.add_callback((arg) => expectTypeOf(arg).toEqualTypeOf<State>(), state);
  // @ts-expect-error: arg comes first
  turbo.add_handler(socket, READ, (_socket: Socket, _arg: State) => {}, state);

  expectTypeOf(io.socketpair()).toEqualTypeOf<[number, number]>();
  // @ts-expect-error: there are two types of sockets
  io.socketpair("seqpacket");
  // @ts-expect-error: buffers are bytes
  io.read(3, new Uint16Array(4));
  // @ts-expect-error: a direction is a word
  io.shutdown(3, 1);
}
