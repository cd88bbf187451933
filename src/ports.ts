import { isGenuine, show } from "./arguments.ts";
import { bindContext } from "./async-context.ts";
import type { Core, Extension } from "./core.ts";
import { EEXIST, IOLoopError } from "./errors.ts";
import type { Waker, Wakers } from "./wakers.ts";

/** A MessagePort of `new MessageChannel()`, or a Worker's `parentPort`. */
export interface MessagePortLike {
  postMessage(message: never): void;
}

/** What of a port is used here. */
interface RealPort extends MessagePortLike {
  on(event: "message", listener: (data: unknown) => void): void;
  on(event: "close", listener: () => void): void;
  off(event: "message", listener: (data: unknown) => void): void;
  off(event: "close", listener: () => void): void;
  unref(): void;
}

interface Entry {
  readonly handler: (data: unknown) => unknown;
  readonly waker: Waker;
  readonly onMessage: (data: unknown) => void;
  readonly onClose: () => void;
}

/** While a run blocks, how long a message may lie unheard whose sender did not wake the loop. */
const LOOK_EVERY_MS = 100;
/** Messages taken at once, so that a sender who never ends does not keep the loop from its fds. */
const TAKEN_MOST = 1024;

/** Messages that Bun had delivered when their port's handler went: for the port's next one, of whichever loop. */
const unheard = new WeakMap<MessagePortLike, unknown[]>();

/**
 * The message ports of one loop. Where Bun's loop turns, Bun delivers their messages, and they are queued as
 * callbacks; while a run blocks they are fetched here, at each wake and every 100 ms.
 *
 * @internal
 */
export class Ports implements Extension {
  readonly #core: Core;
  readonly #wakers: Wakers;
  readonly #entries = new Map<MessagePortLike, Entry>();
  #look = 0;

  constructor(core: Core, wakers: Wakers) {
    this.#core = core;
    this.#wakers = wakers;
    core.extensions.push(this);
  }

  add(port: MessagePortLike, handler: (data: unknown) => unknown): number {
    const real = checkPort(port);
    if (this.#entries.has(port)) {
      throw new IOLoopError(
        "EEXIST",
        "addPort: the port has a handler already, which stays: call removePort first",
        { errno: EEXIST },
      );
    }
    const bound = bindContext(handler);
    const waker = this.#wakers.open(() => this.#fetch(port));
    const deliver = (data: unknown): void => this.#deliver(port, data);
    // Behind the messages that came before the peer had closed.
    const forget = (): void => {
      if (this.#entries.get(port) === entry) this.remove(port);
    };
    const entry: Entry = {
      handler: bound,
      waker,
      onMessage: (data) => this.#core.addCallback(deliver, data),
      onClose: () => this.#core.addCallback(forget, undefined),
    };
    this.#entries.set(port, entry);
    for (const data of unheard.get(port) ?? []) entry.onMessage(data);
    unheard.delete(port);
    real.on("message", entry.onMessage);
    real.on("close", entry.onClose);
    // Whether the process goes on is for the loop's run to say.
    real.unref();
    this.#lookLater();
    return waker.id;
  }

  remove(port: MessagePortLike): boolean {
    const entry = this.#entries.get(port);
    if (entry === undefined) return false;
    this.#entries.delete(port);
    entry.waker.close();
    (port as RealPort).off("message", entry.onMessage);
    (port as RealPort).off("close", entry.onClose);
    return true;
  }

  begin(): void {
    this.#lookLater();
  }

  end(): void {
    this.#core.timeouts.remove(this.#look);
    this.#look = 0;
  }

  close(): void {
    for (const port of this.#entries.keys()) this.remove(port);
  }

  #lookLater(): void {
    const { blocking, timeouts } = this.#core;
    if (!blocking || this.#look !== 0 || this.#entries.size === 0) return;
    const look = (): void => {
      this.#look = 0;
      // Those of now: what their handlers add, also again, belongs to the next look.
      for (const [port, entry] of [...this.#entries]) {
        if (this.#entries.get(port) === entry) this.#fetch(port);
      }
      this.#lookLater();
    };
    this.#look = timeouts.add(performance.now() + LOOK_EVERY_MS, look, undefined);
  }

  #deliver(port: MessagePortLike, data: unknown): void {
    const entry = this.#entries.get(port);
    if (entry !== undefined) {
      this.#core.calls.callWithin(entry.handler, data, "port", entry.waker.id);
      return;
    }
    const kept = unheard.get(port) ?? [];
    kept.push(data);
    unheard.set(port, kept);
  }

  #fetch(port: MessagePortLike): void {
    const entry = this.#entries.get(port);
    for (let taken = 0; entry === this.#entries.get(port) && entry !== undefined; taken++) {
      if (taken === TAKEN_MOST) {
        entry.waker.wake();
        return;
      }
      const received = receive(port);
      if (received === undefined) return;
      this.#core.calls.callWithin(entry.handler, received.message, "port", entry.waker.id);
    }
  }
}

let threads: typeof import("node:worker_threads") | undefined;

function workerThreads(): typeof import("node:worker_threads") {
  threads ??= process.getBuiltinModule("node:worker_threads");
  return threads;
}

function receive(port: MessagePortLike): { readonly message: unknown } | undefined {
  return workerThreads().receiveMessageOnPort(port as import("node:worker_threads").MessagePort);
}

function checkPort(port: MessagePortLike): RealPort {
  if (!isGenuine(port, workerThreads().MessagePort.prototype.hasRef)) {
    throw new TypeError(
      `port must be a MessagePort, not ${show(port)}: pass a port of new MessageChannel(), or parentPort`,
    );
  }
  return port as unknown as RealPort;
}
