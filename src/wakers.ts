import { show } from "./arguments.ts";
import { bindContext } from "./async-context.ts";
import type { Callback } from "./callback-queue.ts";
import type { Core, Extension } from "./core.ts";
import { systemError } from "./errors.ts";
import { native } from "./native.ts";

/** Ends a wait of its loop, from any thread of the process. */
export interface Waker {
  /** What other threads pass to `wake`: post it to them. Never used again, and no fd. */
  readonly id: number;
  /** `wake(id)`: false once it is closed. */
  wake(): boolean;
  /** From now on nobody can wake the loop by this number. Twice is fine. */
  close(): void;
}

const TABLE_FULL = "this process has 16,384 wakers: close those that nobody uses";

/**
 * The wakers of one loop: who is called when somebody woke it.
 *
 * @internal
 */
export class Wakers implements Extension {
  readonly #core: Core;
  readonly #callbacks = new Map<number, Callback | undefined>();
  readonly #id = new Float64Array(new ArrayBuffer(Float64Array.BYTES_PER_ELEMENT));

  readonly #tell = (): void => {
    // Those of now: what their callbacks open belongs to the next iteration.
    for (const [id, callback] of [...this.#callbacks]) {
      if (native().ioloop_waker_take(id) === 1 && callback !== undefined) {
        this.#core.calls.callWithin(callback, undefined, "waker", id);
      }
    }
  };

  constructor(core: Core) {
    this.#core = core;
    core.extensions.push(this);
  }

  /** Opens a waker; `callback` then runs on the loop's thread, once for all wakes since it last ran. */
  open(callback: Callback | undefined): Waker {
    const outcome = native().ioloop_waker_open(this.#core.poller.state, this.#id);
    if (outcome < 0) throw systemError(-outcome, "waker", undefined, TABLE_FULL);
    this.#core.onWoken = this.#tell;
    const id = this.#id[0] as number;
    this.#callbacks.set(id, callback && bindContext(callback));
    return {
      id,
      wake: () => wake(id),
      close: () => {
        this.#callbacks.delete(id);
        native().ioloop_waker_close(id);
      },
    };
  }

  close(): void {
    this.#callbacks.clear();
  }
}

/**
 * Ends the present wait, or the next one, of the loop whose waker has this `id`, and has the waker's callback run
 * there. From any thread: `id` is a number to post. Wakes that come before the loop has looked are one. Never blocks.
 *
 * @returns false when nobody has that number any more.
 * @throws TypeError when `id` is not a number.
 */
export function wake(id: number): boolean {
  if (typeof id !== "number") {
    throw new TypeError(`id must be the number that a waker has, not ${show(id)}`);
  }
  return native().ioloop_wake(id) === 1;
}
