import type { Core, Extension, Host } from "./core.ts";
import { IOLoopError } from "./errors.ts";

type Bridge = Awaited<ReturnType<typeof Bun.connect>>;

/** How long turns go on after an event, unless `spin` is longer: about what falling asleep and waking cost. */
const MOMENT_MS = 0.01;

/**
 * Has Bun's loop turn one of ours. A turn is an iteration that does not wait, or a few of them, and ends with the first
 * batch of events, so that Bun's own work comes between any two:
 *
 *   asleep   the kernel, or a thread, watches; its byte, through a socket that Bun watches, is a turn
 *   awake    the next turn is an immediate: as long as turns find something to do, and a moment after that
 *
 * What is added outside a turn asks for an immediate by itself.
 */
export class HostedRun implements Host, Extension {
  readonly #core: Core;
  readonly #settled = Promise.withResolvers<void>();
  #bridge: Bridge | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #turning = false;
  #busyAt = Number.NEGATIVE_INFINITY;
  #kept: boolean;
  #over = false;

  /** Begins the run. `kept`: it keeps the process alive. Throws ERR_LOOP_RUNNING, EMFILE, EAGAIN. */
  constructor(core: Core, kept: boolean) {
    this.#core = core;
    this.#kept = kept;
    core.beHosted(this);
    core.extensions.push(this);
    try {
      this.#connect(core.poller.watch());
    } catch (error) {
      core.poller.unwatch(true);
      this.#leave();
      throw error;
    }
    this.wanted();
  }

  /** Settles when the run ends: rejects with what `onError` threw. */
  get ended(): Promise<void> {
    return this.#settled.promise;
  }

  /** Whether the run keeps the process alive. */
  keep(kept: boolean): void {
    if (this.#over) return;
    this.#kept = kept;
    if (kept) {
      this.#bridge?.ref();
      this.#immediate?.ref();
    } else {
      this.#bridge?.unref();
      this.#immediate?.unref();
    }
  }

  wanted(): void {
    if (this.#immediate !== undefined || this.#turning || this.#over) return;
    const immediate = setImmediate(this.#turn);
    if (!this.#kept) immediate.unref();
    this.#immediate = immediate;
  }

  close(): void {
    // Within a turn, that turn ends first.
    if (!this.#turning) this.#end();
  }

  #connect(fd: number): void {
    const opened = (bridge: Bridge): void => {
      this.#bridge = bridge;
      if (!this.#kept) bridge.unref();
    };
    const lost = (cause?: unknown): void => {
      if (!this.#over && !this.#core.closed) this.#end({ error: bridgeError(cause) });
    };
    // The declarations have these options, and leave them out of the function. It calls `open` before it returns.
    const adopt: (options: never) => Promise<Bridge> = Bun.connect;
    const socket = {
      open: opened,
      data: this.#wake,
      close: () => lost(),
      error: (_: Bridge, cause: Error) => lost(cause),
    };
    adopt({ fd, socket } satisfies Bun.FdSocketOptions as never).catch(lost);
  }

  readonly #wake = (): void => {
    // The immediate that is under way is a turn as well.
    if (this.#immediate === undefined) this.#turn();
  };

  readonly #turn = (): void => {
    const core = this.#core;
    this.#immediate = undefined;
    // A call that turns Bun's loop itself comes by here within a turn, which looks again at its end.
    if (this.#over || this.#turning) return;
    this.#turning = true;
    try {
      const called = this.#pass();
      this.#turning = false;
      if (core.closed || core.stopping) this.#end();
      else if (!this.#over) this.#sleep(called);
    } catch (error) {
      this.#turning = false;
      this.#end({ error });
    }
  };

  /**
   * One iteration, and further ones for a moment, while its callbacks and timers add what is due at once: a turn of Bun's
   * loop for each would cost more than the iteration.
   */
  #pass(): number {
    const core = this.#core;
    const end = performance.now() + MOMENT_MS;
    for (;;) {
      const called = core.turn();
      const more = called === 0 && !this.#over && !core.stopping && core.untilNext() === 0;
      if (!more || performance.now() >= end) return called;
    }
  }

  #sleep(called: number): void {
    const waitMs = this.#core.untilNext();
    if (waitMs === 0 || this.#staysAwake(called)) this.wanted();
    else this.#core.poller.arm(waitMs);
  }

  #staysAwake(called: number): boolean {
    const now = performance.now();
    if (called > 0) this.#busyAt = now;
    return now - this.#busyAt < Math.max(this.#core.poller.spinMs, MOMENT_MS);
  }

  #end(failure?: { readonly error: unknown }): void {
    if (this.#over) return;
    this.#over = true;
    const core = this.#core;
    this.#leave();
    if (!core.closed) core.poller.unwatch(this.#bridge === undefined);
    clearImmediate(this.#immediate);
    this.#bridge?.terminate();
    if (failure === undefined) this.#settled.resolve();
    else this.#settled.reject(failure.error);
  }

  #leave(): void {
    const { extensions } = this.#core;
    extensions.splice(extensions.indexOf(this), 1);
    this.#core.leaveHost();
  }
}

function bridgeError(cause: unknown): IOLoopError {
  return new IOLoopError(
    "ERR_BRIDGE_LOST",
    "run: the socket by which Bun's loop hosts this one was closed from elsewhere, or refused: close only fds of your own, and call run() again",
    { cause },
  );
}
