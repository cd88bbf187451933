import type { FdLike } from "./arguments.ts";
import { outside } from "./async-context.ts";
import type { IOLoopError } from "./errors.ts";
import { READ } from "./events.ts";
import type { Poller } from "./poller.ts";
import { Registrations } from "./registrations.ts";

/** A handler as the table keeps it: called with (fd, events), or (arg, fd, events). */
export type StoredHandler = (...args: unknown[]) => unknown;

/** Who is called for which fd: parallel arrays, indexed by fd, beside the registrations. */
export class HandlerTable {
  readonly registrations: Registrations;
  readonly #handlers: (StoredHandler | undefined)[] = [];
  readonly #targets: (FdLike | undefined)[] = [];
  readonly #args: unknown[] = [];
  readonly #refusals: IOLoopError[] = [];
  /** Fds that the loop has opened for itself. A user's number of one is of a file that was closed before. */
  readonly #own = new Set<number>();
  /** Hears of each handler that goes, but for those that `clear` takes; must not throw. */
  onForgotten: ((fd: number) => void) | undefined;

  constructor(poller: Poller) {
    this.registrations = new Registrations(poller, (fd, error) => {
      this.#forget(fd);
      this.#refusals.push(error);
    });
  }

  add(fd: number, target: FdLike, mask: number, handler: StoredHandler, arg: unknown): void {
    this.registrations.add(fd, mask);
    // Filled up to the fd: an array with holes is slow.
    while (this.#handlers.length <= fd) {
      this.#handlers.push(undefined);
      this.#targets.push(undefined);
      this.#args.push(undefined);
    }
    this.#handlers[fd] = handler;
    this.#targets[fd] = target;
    this.#args[fd] = arg;
  }

  /** Throws ENOENT for an fd without a handler of a user's. */
  update(fd: number, mask: number): void {
    if (this.#own.has(fd)) throw this.registrations.unknown(fd);
    this.registrations.update(fd, mask);
  }

  /** False for an fd without a handler of a user's. */
  remove(fd: number): boolean {
    if (this.#own.has(fd) || !this.registrations.remove(fd)) return false;
    this.#forget(fd);
    return true;
  }

  /** Watches an fd that the loop has opened for itself. */
  addOwn(fd: number, handler: () => void): void {
    this.add(fd, fd, READ, handler, undefined);
    this.#own.add(fd);
  }

  /** Whether such an fd is watched still: the kernel may have refused it since. */
  isOwn(fd: number): boolean {
    return this.#own.has(fd);
  }

  removeOwn(fd: number): void {
    if (this.#own.delete(fd)) this.remove(fd);
  }

  /** The fd that `target` was registered with, which it may no longer tell; -1 when it was not. */
  find(target: FdLike): number {
    return this.#targets.indexOf(target);
  }

  /** Calls the handler of `fd` and returns what it returned. */
  call(fd: number, events: number): unknown {
    const handler = this.#handlers[fd] as StoredHandler;
    const target = this.#targets[fd];
    const arg = this.#args[fd];
    if (outside === undefined) {
      return arg === undefined ? handler(target, events) : handler(arg, target, events);
    }
    return arg === undefined
      ? outside(handler, target, events)
      : outside(handler, arg, target, events);
  }

  /** The next refusal of a late update that nobody has been told of; its handler is gone already. */
  takeRefusal(): IOLoopError | undefined {
    return this.#refusals.length === 0 ? undefined : this.#refusals.shift();
  }

  clear(): void {
    this.registrations.clear();
    this.#handlers.length = 0;
    this.#targets.length = 0;
    this.#args.length = 0;
    this.#refusals.length = 0;
    this.#own.clear();
  }

  #forget(fd: number): void {
    this.#handlers[fd] = undefined;
    this.#targets[fd] = undefined;
    this.#args[fd] = undefined;
    this.#own.delete(fd);
    this.onForgotten?.(fd);
  }
}
