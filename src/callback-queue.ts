/** A callback as the queue keeps it. */
export type Callback = (arg: unknown) => unknown;

/** Above this, a drained buffer is dropped instead of kept for the next burst. */
const KEPT_MAX = 65_536;

class Buffer {
  callbacks: (Callback | undefined)[] = [];
  args: unknown[] = [];
  head = 0;
  tail = 0;

  reset(): void {
    if (this.tail > KEPT_MAX) {
      this.callbacks = [];
      this.args = [];
    }
    this.head = 0;
    this.tail = 0;
  }
}

/**
 * Callbacks in the order added, in two buffers that change places:
 *
 *   running   [ . | . | c3 | c4 ]      head moves right; a taken cell is emptied at once
 *   incoming  [ c5 | c6 ]              what is added while c3 runs waits for the next pass
 *
 * A pass runs one buffer, so a callback that adds itself again never keeps the loop from its fds.
 */
export class CallbackQueue {
  #running = new Buffer();
  #incoming = new Buffer();
  /** The argument of the callback that `take` returned last. */
  arg: unknown = undefined;

  get size(): number {
    const left = this.#running.tail - this.#running.head;
    return left + this.#incoming.tail;
  }

  add(callback: Callback, arg: unknown): void {
    const buffer = this.#incoming;
    buffer.callbacks[buffer.tail] = callback;
    buffer.args[buffer.tail++] = arg;
  }

  /** Begins a pass: over what is queued now, or over the rest of a pass that was broken off. */
  begin(): void {
    if (this.#running.head < this.#running.tail) return;
    const drained = this.#running;
    this.#running = this.#incoming;
    this.#incoming = drained;
    drained.reset();
  }

  /** The pass's next callback, with its argument in `arg`; undefined at the end. */
  take(): Callback | undefined {
    const buffer = this.#running;
    if (buffer.head === buffer.tail) {
      this.arg = undefined;
      return undefined;
    }
    const at = buffer.head++;
    const callback = buffer.callbacks[at];
    this.arg = buffer.args[at];
    buffer.callbacks[at] = undefined;
    buffer.args[at] = undefined;
    return callback;
  }

  clear(): void {
    this.#running = new Buffer();
    this.#incoming = new Buffer();
    this.arg = undefined;
  }
}
