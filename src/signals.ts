import { constants } from "node:os";
import { SIGNALS_MAX } from "./abi.ts";
import { show } from "./arguments.ts";
import { bindContext } from "./async-context.ts";
import type { Callback } from "./callback-queue.ts";
import type { Core, Extension } from "./core.ts";
import { EINVAL, ENOSPC, systemError } from "./errors.ts";
import { native } from "./native.ts";

/** A signal's name, as "SIGTERM", or its number. */
export type SignalLike = string | number;

const NUMBERS: Readonly<Record<string, number>> = constants.signals;
/** The names that process.on knows, by number. Where two share a number, the first is the usual one. */
const NAMES = new Map<number, NodeJS.Signals>();
for (const [name, number] of Object.entries(NUMBERS)) {
  if (!NAMES.has(number)) NAMES.set(number, name as NodeJS.Signals);
}

/** The first of Linux's signals without a name. */
const REAL_TIME = 35;

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

const OPEN_ADVICE: Readonly<Record<number, string>> = {
  [ENOSPC]: "this process has 256 loops with signal handlers: close those that nobody uses",
};

/** How often each signal came: what the library adds to. */
function counters(): Uint32Array {
  return new Uint32Array(new ArrayBuffer(SIGNALS_MAX * Uint32Array.BYTES_PER_ELEMENT));
}

/**
 * The signals of one loop. A native action counts what comes and makes a pipe readable, which the loop watches like
 * any other fd. Bun's own action is called after ours, so that listeners of `process.on` hear of a signal too. While
 * a run blocks the main thread, Bun could not call them: the action leaves Bun's out then, and this calls them instead.
 *
 * @internal
 */
export class Signals implements Extension {
  readonly #core: Core;
  readonly #handlers = new Map<number, Callback>();
  /** The signals that are taken for the sake of process.on alone, while a run blocks. */
  readonly #lent = new Set<number>();
  /** The signals that process.on has listened to, so that the action before ours was Bun's. */
  readonly #listened = new Set<number>();
  /** What has come for the handlers, and what listeners have not heard of from Bun. */
  readonly #pending = counters();
  readonly #unheard = counters();

  constructor(core: Core) {
    this.#core = core;
    core.extensions.push(this);
    this.#hearOfListeners();
    if (Bun.isMainThread) openOnMainThread.add(this);
  }

  add(signal: SignalLike, func: (...args: never[]) => unknown, arg: unknown): void {
    const number = checkSignal(signal);
    this.#hearOfListeners();
    this.#take(number);
    this.#lent.delete(number);
    const handler = bindContext(func) as (...args: unknown[]) => unknown;
    this.#handlers.set(number, arg === undefined ? handler : (signo) => handler(arg, signo));
  }

  remove(signal: SignalLike): boolean {
    const number = numberOf(signal);
    if (number === undefined || !this.#handlers.delete(number)) return false;
    if (this.#servesListeners && isListened(number)) this.#lent.add(number);
    else this.#give(number);
    return true;
  }

  begin(): void {
    if (!this.#servesListeners) return;
    this.#hearOfListeners();
    native().ioloop_signal_chain(0);
    for (const name of process.eventNames()) this.#lend(NUMBERS[name as string]);
  }

  end(): void {
    if (!Bun.isMainThread) return;
    native().ioloop_signal_chain(1);
    for (const number of this.#lent) this.#give(number);
    // What came too late for the loop is still for its listeners.
    native().ioloop_signal_take_unheard(this.#unheard);
    this.#emitUnheard();
  }

  close(): void {
    for (const number of [...this.#handlers.keys(), ...this.#lent]) this.#give(number);
    this.#handlers.clear();
    openOnMainThread.delete(this);
  }

  /** Bun has set its own action with the first listener of a signal: ours must come after it. */
  listenerAdded(number: number): void {
    const asked = this.#handlers.has(number);
    if (asked) this.#listened.add(number);
    else if (this.#servesListeners) this.#lend(number);
  }

  /** Has `process` tell of new listeners. It goes on when the last loop here has closed: a Worker's may not have. */
  #hearOfListeners(): void {
    if (!Bun.isMainThread) return;
    if (process.listeners("newListener" as never).includes(tellOpen as never)) return;
    process.on("newListener", tellOpen);
    // Where somebody has removed all listeners, Bun may have set actions of its own unheard.
    for (const number of this.#handlers.keys()) native().ioloop_signal_renew(number);
  }

  /** Whether a run blocks the main thread, where alone process.on hears of signals. */
  get #servesListeners(): boolean {
    return this.#core.blocking && Bun.isMainThread;
  }

  readonly #dispatch = (): void => {
    native().ioloop_signal_take(this.#core.poller.state, this.#pending);
    if (this.#servesListeners) native().ioloop_signal_take_unheard(this.#unheard);
    for (const number of this.#handlers.keys()) {
      while ((this.#pending[number] as number) > 0) {
        const handler = this.#handlers.get(number);
        if (handler === undefined) break;
        (this.#pending[number] as number)--;
        this.#core.calls.callWithin(handler, number, "signal", number);
      }
    }
    this.#emitUnheard();
  };

  #emitUnheard(): void {
    for (let number = 1; number < SIGNALS_MAX; number++) {
      for (; (this.#unheard[number] as number) > 0; (this.#unheard[number] as number)--) {
        this.#emit(number);
      }
    }
  }

  #emit(number: number): void {
    const name = NAMES.get(number);
    if (name === undefined) return;
    if (isListened(number)) {
      const emit: Callback = () => process.emit(name, name, number as never);
      this.#core.calls.callWithin(emit, undefined, "signal", number);
    } else if (this.#lent.has(number)) {
      // Its last listener has gone: the signal does again what it does to a process without any, unless
      // another loop has a handler, which has heard of it.
      if (this.#give(number)) process.kill(process.pid, name);
    }
  }

  /** Takes a signal that process.on listens to, for as long as a run blocks. */
  #lend(number: number | undefined): void {
    const name = number === undefined ? undefined : NAMES.get(number);
    if (number === undefined || name === undefined || name in REFUSED) return;
    if (this.#handlers.has(number)) return;
    this.#take(number);
    this.#lent.add(number);
  }

  /** Makes the action of a signal ours. */
  #take(number: number): void {
    const { poller, handlers } = this.#core;
    // The same each time.
    const fd = native().ioloop_signal_open(poller.state);
    if (fd < 0) throw systemError(-fd, "pipe", undefined, OPEN_ADVICE[-fd]);
    if (!handlers.isOwn(fd)) handlers.addOwn(fd, this.#dispatch);
    // What came while it was lent was for listeners alone.
    const fromNow = !this.#handlers.has(number);
    if (fromNow) this.#pending[number] = 0;
    const outcome = native().ioloop_signal_add(poller.state, number, Number(fromNow));
    if (outcome < 0) {
      throw systemError(-outcome, "sigaction", NAMES.get(number) ?? `signal ${number}`);
    }
    if (isListened(number)) this.#listened.add(number);
  }

  /** Brings back what the signal did before; false where another loop still has a handler. */
  #give(number: number): boolean {
    this.#lent.delete(number);
    this.#pending[number] = 0;
    const forgotten = this.#listened.delete(number) && !isListened(number);
    const { state } = this.#core.poller;
    return native().ioloop_signal_remove(state, number, Number(forgotten)) === 1;
  }
}

/** Those of the main thread's open loops: they want to know when process.on gets a listener. */
const openOnMainThread = new Set<Signals>();

function tellOpen(event: string | symbol): void {
  const number = NUMBERS[event as string];
  if (number === undefined) return;
  // The listener is added when this has returned.
  queueMicrotask(() => {
    native().ioloop_signal_renew(number);
    for (const signals of openOnMainThread) signals.listenerAdded(number);
  });
}

function isListened(number: number): boolean {
  const name = NAMES.get(number);
  return Bun.isMainThread && name !== undefined && process.listenerCount(name) > 0;
}

function numberOf(signal: SignalLike): number | undefined {
  return typeof signal === "string" ? NUMBERS[signal] : signal;
}

/** The C library keeps those between the named ones and the real-time ones for its own threads. */
function isSignal(number: number): boolean {
  return (
    NAMES.has(number) || (Number.isInteger(number) && number >= REAL_TIME && number < SIGNALS_MAX)
  );
}

function checkSignal(signal: SignalLike): number {
  if (typeof signal !== "string" && typeof signal !== "number") {
    throw new TypeError(
      `signal must be a name or a number, not ${show(signal)}: pass "SIGTERM", or 15`,
    );
  }
  const number = numberOf(signal);
  if (number === undefined || !isSignal(number)) {
    throw new RangeError(
      `signal ${show(signal)} is none of this system: pass a name such as "SIGTERM"`,
    );
  }
  const name = NAMES.get(number) ?? "";
  const reason = REFUSED[name];
  if (reason !== undefined) throw systemError(EINVAL, "sigaction", name, reason);
  return number;
}
