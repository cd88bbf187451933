import { type AbortSignalLike, offAbort, onAbort, reasonOf } from "./abort-signal.ts";
import { EDGE, ONESHOT } from "./events.ts";
import type { HandlerTable } from "./handlers.ts";

type Next = IteratorResult<number, undefined>;

/**
 * The events of one fd as an async iterator. While nobody asks for the next ones, level-triggered interest is
 * paused, so that a slow consumer does not keep the loop awake; a consumer who asks again within the same
 * iteration costs no system call. ONESHOT is armed anew by asking; events of EDGE are kept until they are asked for.
 */
export class EventStream implements AsyncIterableIterator<number, undefined> {
  readonly #handlers: HandlerTable;
  readonly #fd: number;
  readonly #mask: number;
  readonly #signal: AbortSignalLike | undefined;
  readonly #ended: () => void;
  readonly #asking: PromiseWithResolvers<Next>[] = [];
  #kept = 0;
  #failure: { readonly reason: unknown } | undefined;
  #over = false;

  /** Registers `fd`, paused, and throws what that throws. `ended` is called once. */
  constructor(
    handlers: HandlerTable,
    fd: number,
    mask: number,
    signal: AbortSignalLike | undefined,
    ended: () => void,
  ) {
    this.#handlers = handlers;
    this.#fd = fd;
    this.#mask = mask;
    this.#signal = signal;
    this.#ended = ended;
    handlers.add(
      fd,
      fd,
      this.#needsArming ? 0 : mask,
      (_fd, events) => this.#tell(events as number),
      undefined,
    );
    onAbort(signal, this.#abort);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Next> {
    if (this.#failure !== undefined) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    if (this.#kept !== 0) {
      const value = this.#kept;
      this.#kept = 0;
      return Promise.resolve({ done: false, value });
    }
    const asked = Promise.withResolvers<Next>();
    try {
      if (this.#asking.length === 0 && this.#needsArming) this.#watch(this.#mask);
      this.#asking.push(asked);
    } catch (error) {
      this.reject(error);
      return this.next();
    }
    return asked.promise;
  }

  /** Ends the stream, as leaving the loop over it does. */
  return(): Promise<Next> {
    const over = { done: true, value: undefined } as const;
    this.#failure = undefined;
    for (const asked of this.#end()) asked.resolve(over);
    return Promise.resolve(over);
  }

  /** Ends it with a failure, which the consumer is told once. */
  reject(reason: unknown): void {
    if (this.#over) return;
    const [first, ...others] = this.#end();
    if (first === undefined) this.#failure = { reason };
    else first.reject(reason);
    for (const asked of others) asked.resolve({ done: true, value: undefined });
  }

  /** Whether asking has to say so: an event of EDGE would be lost while it is paused. */
  get #needsArming(): boolean {
    return (this.#mask & (EDGE | ONESHOT)) !== EDGE;
  }

  readonly #abort = (): void => this.reject(reasonOf(this.#signal));

  #tell(events: number): void {
    const asked = this.#asking.shift();
    if (asked === undefined) {
      this.#kept |= events;
      return;
    }
    asked.resolve({ done: false, value: events });
    const oneShot = (this.#mask & ONESHOT) !== 0;
    if (this.#asking.length > 0) {
      if (oneShot) this.#watch(this.#mask);
    } else if (this.#needsArming && !oneShot) {
      this.#watch(0);
    }
  }

  #watch(mask: number): void {
    this.#handlers.registrations.update(this.#fd, mask);
  }

  #end(): PromiseWithResolvers<Next>[] {
    if (this.#over) return [];
    this.#over = true;
    offAbort(this.#signal, this.#abort);
    this.#ended();
    this.#handlers.remove(this.#fd);
    return this.#asking.splice(0);
  }
}
