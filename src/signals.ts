import { constants } from "node:os";
import { SIGNALS_MAX } from "./abi.ts";
import { show } from "./arguments.ts";
import { bindContext } from "./async-context.ts";
import type { Callback } from "./callback-queue.ts";
import type { Core, Extension } from "./core.ts";
import { EINVAL, systemError } from "./errors.ts";
import { READ } from "./events.ts";
import { native } from "./native.ts";

/** A signal's name, as "SIGTERM", or its number. */
export type SignalLike = string | number;

interface Handler {
  readonly func: (...args: never[]) => unknown;
  readonly arg: unknown;
}

const NUMBERS: Readonly<Record<string, number>> = constants.signals;
/** The names that process.on knows, by number. Where two share a number, the first is the usual one. */
const NAMES = new Map<number, NodeJS.Signals>();
for (const [name, number] of Object.entries(NUMBERS)) {
  if (!NAMES.has(number)) NAMES.set(number, name as NodeJS.Signals);
}

/** What nobody can handle, what tells of a fault in the program itself, and what Bun keeps for itself. */
const REFUSED: Readonly<Record<string, string>> = {
  SIGKILL: "the kernel lets nobody handle it",
  SIGSTOP: "the kernel lets nobody handle it",
  SIGSEGV: "it tells of a fault in this program, after which nothing can go on",
  SIGBUS: "it tells of a fault in this program, after which nothing can go on",
  SIGFPE: "it tells of a fault in this program, after which nothing can go on",
  SIGILL: "it tells of a fault in this program, after which nothing can go on",
  SIGTRAP: "it tells of a fault in this program, after which nothing can go on",
  SIGPWR: "Bun stops its threads with it",
  SIGCHLD: "Bun hears of its children by it: use addChildHandler for a process",
};

/**
 * The signals of one loop. A native action counts what comes and makes a pipe readable, which the loop watches like
 * any other fd. Bun's own action is called after ours, so that listeners of `process.on` hear of a signal too;
 * but while a run blocks the main thread, Bun cannot call them, and this does, from the loop.
 */
export class Signals implements Extension {
  readonly #core: Core;
  readonly #handlers = new Map<number, Handler>();
  /** The signals that are taken for the sake of process.on alone. */
  readonly #lent = new Set<number>();
  /** The signals whose action was Bun's before it was ours. */
  readonly #listened = new Set<number>();
  readonly #pending = new Uint32Array(new ArrayBuffer(SIGNALS_MAX * Uint32Array.BYTES_PER_ELEMENT));
  #fd = -1;
  #hooked = false;

  constructor(core: Core) {
    this.#core = core;
    core.extensions.push(this);
  }

  add(signal: SignalLike, func: (...args: never[]) => unknown, arg: unknown): void {
    const number = checkSignal(signal);
    this.#take(number);
    this.#lent.delete(number);
    this.#handlers.set(number, { func: bindContext(func), arg });
  }

  remove(signal: SignalLike): boolean {
    const number = numberOf(signal);
    if (number === undefined || !this.#handlers.delete(number)) return false;
    if (this.#core.blocking && isListened(number)) this.#lent.add(number);
    else this.#give(number);
    return true;
  }

  /** Whether signals come to the main thread, where alone process.on hears of them. */
  begin(): void {
    if (!Bun.isMainThread) return;
    for (const name of process.eventNames()) this.#lend(NUMBERS[name as string]);
    for (const number of this.#handlers.keys()) native().ioloop_signal_chain(number, 0);
    this.#hook();
  }

  end(): void {
    if (!Bun.isMainThread) return;
    for (const number of this.#handlers.keys()) native().ioloop_signal_chain(number, 1);
    if (this.#lent.size > 0) this.#count();
    for (const number of this.#lent) {
      this.#emitPending(number);
      this.#give(number);
    }
    if (this.#handlers.size === 0) this.#unhook();
  }

  close(): void {
    this.#handlers.clear();
    this.#unhook();
  }

  readonly #dispatch = (): void => {
    this.#count();
    for (let number = 1; number < SIGNALS_MAX; number++) {
      while ((this.#pending[number] as number) > 0 && !this.#core.closed) this.#deliver(number);
    }
  };

  #deliver(number: number): void {
    (this.#pending[number] as number)--;
    const { calls, blocking } = this.#core;
    const handler = this.#handlers.get(number);
    if (handler !== undefined) {
      const { func, arg } = handler as { func: (...args: unknown[]) => unknown; arg: unknown };
      const call = arg === undefined ? () => func(number) : () => func(arg, number);
      calls.callWithin(call, undefined, "signal", number);
    }
    if (blocking && Bun.isMainThread) this.#emit(number);
  }

  #emit(number: number): void {
    const name = NAMES.get(number);
    if (name === undefined) return;
    if (process.listenerCount(name) > 0) {
      const emit: Callback = () => process.emit(name, name, number as never);
      this.#core.calls.callWithin(emit, undefined, "signal", number);
    } else if (this.#lent.has(number)) {
      // Its last listener has gone: the signal does again what it does to a process without any.
      this.#give(number);
      process.kill(process.pid, name);
    }
  }

  #emitPending(number: number): void {
    for (; (this.#pending[number] as number) > 0; (this.#pending[number] as number)--) {
      this.#emit(number);
    }
  }

  #count(): void {
    native().ioloop_signal_take(this.#core.poller.state, this.#pending);
  }

  /** Takes a signal that process.on listens to, for as long as a run blocks. */
  #lend(number: number | undefined): void {
    if (number === undefined || this.#handlers.has(number) || NAMES.get(number) === undefined)
      return;
    if ((NAMES.get(number) as string) in REFUSED) return;
    this.#take(number);
    this.#lent.add(number);
    native().ioloop_signal_chain(number, 0);
  }

  /** Makes the action of a signal ours. */
  #take(number: number): void {
    const { poller, handlers } = this.#core;
    if (this.#fd < 0) {
      const fd = native().ioloop_signal_open(poller.state);
      if (fd < 0) throw systemError(-fd, "pipe");
      handlers.add(fd, fd, READ, this.#dispatch, undefined);
      this.#fd = fd;
    }
    const outcome = native().ioloop_signal_add(poller.state, number);
    if (outcome < 0)
      throw systemError(-outcome, "sigaction", NAMES.get(number) ?? `signal ${number}`);
    if (isListened(number)) this.#listened.add(number);
    if (this.#core.blocking && Bun.isMainThread) native().ioloop_signal_chain(number, 0);
    this.#hook();
  }

  /** Brings back what the signal did before. */
  #give(number: number): void {
    this.#lent.delete(number);
    const forgotten = this.#listened.delete(number) && !isListened(number);
    native().ioloop_signal_remove(this.#core.poller.state, number, Number(forgotten));
    native().ioloop_signal_chain(number, 1);
    this.#pending[number] = 0;
  }

  #hook(): void {
    if (this.#hooked || !Bun.isMainThread) return;
    this.#hooked = true;
    process.on("newListener", this.#listenerAdded);
  }

  #unhook(): void {
    if (this.#hooked) process.off("newListener", this.#listenerAdded);
    this.#hooked = false;
  }

  /** Bun sets its own action with the first listener of a signal, a moment from now: ours must come after. */
  readonly #listenerAdded = (event: string | symbol): void => {
    const number = NUMBERS[event as string];
    if (number === undefined) return;
    queueMicrotask(() => {
      if (this.#core.closed) return;
      if (this.#handlers.has(number)) this.#take(number);
      else if (this.#core.blocking) this.#lend(number);
    });
  };
}

function isListened(number: number): boolean {
  const name = NAMES.get(number);
  return Bun.isMainThread && name !== undefined && process.listenerCount(name) > 0;
}

function numberOf(signal: SignalLike): number | undefined {
  return typeof signal === "string" ? NUMBERS[signal] : signal;
}

function checkSignal(signal: SignalLike): number {
  if (typeof signal !== "string" && typeof signal !== "number") {
    throw new TypeError(
      `signal must be a name or a number, not ${show(signal)}: pass "SIGTERM", or 15`,
    );
  }
  const number = numberOf(signal);
  if (number === undefined || !Number.isInteger(number) || number < 1 || number >= SIGNALS_MAX) {
    throw new RangeError(
      `signal ${show(signal)} is none of this system: pass a name such as "SIGTERM"`,
    );
  }
  const name = NAMES.get(number) ?? "";
  const reason = REFUSED[name];
  if (reason !== undefined) throw systemError(EINVAL, "sigaction", name, reason);
  return number;
}
