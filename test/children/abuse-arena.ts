// What the abuse of the public API is done with and to: loops, fds and buffers of its own, and nothing of Bun's.
import { IOLoop, type IOLoopOptions, instance, READ, type Waker } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { TurboIOLoop } from "../../src/turbo.ts";
import { drain, ignore, poke } from "../support.ts";
import type { Random } from "../support-random.ts";

/** What hostile objects and functions throw, so that it is told from what the library throws. */
export class Hostile extends Error {}

const TRIES_MOST = 200;
const BUFFER_BYTES = 64;
const BUFFER_BYTES_MOST = 256;

export class Arena {
  readonly random: Random;
  readonly onError: (error: unknown) => void;
  /** Makes a call of its own, in the middle of another one. */
  meddle: () => void = ignore;
  loop: IOLoop;
  other: IOLoop;
  readonly closed: IOLoop;
  turbo: TurboIOLoop;
  waker: Waker;
  stream: AsyncIterableIterator<number>;
  fds: number[] = [];
  buffers: Uint8Array[] = [];
  /** Of timers. */
  refs: unknown[] = [0];
  /** Where somebody listens. */
  port = 0;
  channel = new MessageChannel();
  controller = new AbortController();
  /** For the health alone: nothing else has these. */
  readonly #pair = io.socketpair();

  constructor(random: Random, onError: (error: unknown) => void) {
    this.random = random;
    this.onError = onError;
    this.closed = new IOLoop();
    this.closed.close();
    this.loop = this.closed;
    this.other = this.closed;
    this.turbo = new TurboIOLoop(this.closed);
    this.waker = { id: 0, wake: () => false, close() {} };
    this.stream = (async function* () {})();
    this.renew();
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.random(choices.length)] as T;
  }

  get fd(): number {
    return this.pick(this.fds);
  }

  get buffer(): Uint8Array {
    return this.pick(this.buffers);
  }

  /** New loops, fds and buffers in the place of what was closed, filled and taken away. */
  renew(): void {
    this.close();
    this.fds.push(...io.socketpair(), ...io.socketpair("datagram"), ...io.pipe());
    const listener = io.listen({ hostname: "127.0.0.1" });
    this.port = io.localPort(listener);
    this.fds.push(listener);
    this.fds.push(io.listen({ hostname: "127.0.0.1", type: "datagram" }));
    this.buffers = Array.from({ length: 4 }, () => this.#makeBuffer());
    this.channel = new MessageChannel();
    this.controller = new AbortController();
    this.renewLoop();
  }

  renewLoop(): void {
    for (const loop of [this.loop, this.other]) loop.close();
    const options: IOLoopOptions = { onError: this.onError };
    this.loop = this.random(4) === 0 ? instance() : new IOLoop(options);
    this.other = new IOLoop({ ...options, maxEvents: 1, slowCallback: 0, onSlow() {} });
    this.turbo = new TurboIOLoop(this.loop);
    this.refs = [0];
    this.waker = this.loop.waker();
    this.stream = this.loop.events(this.fds[0] as number, READ);
  }

  /** Takes over a fd that the library made. */
  adopt(fd: unknown): void {
    if (typeof fd === "number" && fd >= 0 && !this.fds.includes(fd)) this.fds.push(fd);
  }

  /** Has nobody use `fd` any more, which was closed: its number may be Bun's next. */
  forget(fd: unknown): void {
    this.fds = this.fds.filter((own) => own !== fd);
    if (this.fds.length < 4) this.fds.push(...io.socketpair());
  }

  /** Has every run that begins now end soon. */
  bound(): void {
    for (const loop of [this.loop, this.other]) {
      if (!loop.closed) loop.callLater(1, () => loop.stop());
    }
  }

  /** Throws unless the loop delivers an event and runs a timer; a loop that is closed meanwhile is as good. */
  checkHealth(): void {
    const [reader, writer] = this.#pair;
    const { loop } = this;
    if (loop.closed) return;
    if (Number.isNaN(loop.pollTimeout())) throw new Error("a timer is due at no time");
    let heard = false;
    let ticked = false;
    loop.addHandler(reader, READ, () => {
      heard = true;
      drain(reader);
    });
    poke(writer);
    loop.callLater(0, () => {
      ticked = true;
    });
    for (let tries = 0; !(heard && ticked) && !loop.closed; tries++) {
      if (tries === TRIES_MOST) throw new Error(`unwell: heard ${heard}, ticked ${ticked}`);
      try {
        loop.runOnce(20);
      } catch (error) {
        this.onError(error);
      }
    }
    drain(reader);
    loop.removeHandler(reader);
  }

  /** Gives everything back. */
  end(): void {
    this.close();
    instance().close();
    for (const fd of this.#pair) io.close(fd);
  }

  close(): void {
    this.loop.close();
    this.other.close();
    for (const fd of this.fds.splice(0)) io.close(fd);
    this.channel.port1.close();
    this.channel.port2.close();
  }

  #makeBuffer(): Uint8Array {
    switch (this.random(4)) {
      case 0:
        return new Uint8Array(new ArrayBuffer(BUFFER_BYTES, { maxByteLength: BUFFER_BYTES_MOST }));
      case 1:
        return new Uint8Array(
          new SharedArrayBuffer(BUFFER_BYTES, { maxByteLength: BUFFER_BYTES_MOST }),
        );
      case 2:
        return new Uint8Array(new ArrayBuffer(BUFFER_BYTES));
      default:
        return Buffer.alloc(BUFFER_BYTES);
    }
  }
}
