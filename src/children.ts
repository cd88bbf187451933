import { constants } from "node:os";
import { checkInteger } from "./arguments.ts";
import { bindContext } from "./async-context.ts";
import type { Core, Extension } from "./core.ts";
import { EEXIST, systemError } from "./errors.ts";
import { native } from "./native.ts";

/** How a process ended, as Bun.spawn's `onExit` tells it. */
export interface ExitStatus {
  /** What it exited with; null where a signal ended it. */
  readonly exitCode: number | null;
  /** The signal that ended it; null where it exited. */
  readonly signalCode: string | null;
}

interface Child {
  readonly fd: number;
  readonly handler: (...args: unknown[]) => unknown;
  readonly arg: unknown;
}

const PID_MOST = 0x7fffffff;

const ADVICE: Readonly<Record<number, string>> = {
  [constants.errno.ESRCH]: "no process has that pid: it was reaped already, or never was",
  // Newer kernels say ENOENT of a thread, older ones EINVAL.
  [constants.errno.ENOENT]: "the number is a thread's: pass the pid of its process",
  [constants.errno.EINVAL]: "the number is a thread's: pass the pid of its process",
  [constants.errno.ENOSYS]: "this kernel has no fd for a process: it takes Linux 5.3 or newer",
};

/**
 * The processes whose end one loop waits for, each by an fd that becomes readable then. Nothing is reaped.
 *
 * @internal
 */
export class Children implements Extension {
  readonly #core: Core;
  readonly #children = new Map<number, Child>();

  constructor(core: Core) {
    this.#core = core;
    core.extensions.push(this);
  }

  add(pid: number, handler: (...args: never[]) => unknown, arg: unknown): void {
    checkInteger("pid", pid, 1, PID_MOST);
    const known = this.#children.get(pid);
    if (known !== undefined && this.#core.handlers.isOwn(known.fd)) {
      throw systemError(
        EEXIST,
        "pidfd_open",
        `process ${pid}`,
        "it has a handler already, which stays: call removeChildHandler first",
      );
    }
    // The kernel has refused to watch it any longer.
    this.remove(pid);
    const fd = native().ioloop_process_open(this.#core.poller.state, pid);
    if (fd < 0) throw systemError(-fd, "pidfd_open", `process ${pid}`, ADVICE[-fd]);
    try {
      this.#core.handlers.addOwn(fd, () => this.#ended(pid));
    } catch (error) {
      this.#release(fd);
      throw error;
    }
    this.#children.set(pid, { fd, handler: bindContext(handler) as Child["handler"], arg });
  }

  remove(pid: number): boolean {
    const child = this.#children.get(pid);
    if (child === undefined) return false;
    this.#children.delete(pid);
    this.#core.handlers.removeOwn(child.fd);
    this.#release(child.fd);
    return true;
  }

  close(): void {
    for (const { fd } of this.#children.values()) this.#release(fd);
    this.#children.clear();
  }

  #release(fd: number): void {
    native().ioloop_process_close(this.#core.poller.state, fd);
  }

  #ended(pid: number): void {
    const { fd, handler, arg } = this.#children.get(pid) as Child;
    const status = decodeStatus(native().ioloop_process_status(fd));
    this.remove(pid);
    const call = arg === undefined ? () => handler(pid, status) : () => handler(arg, pid, status);
    this.#core.calls.callWithin(call, undefined, "child", pid);
  }
}

/** Reads what wait(2) tells; undefined where it told nothing. */
function decodeStatus(status: number): ExitStatus | undefined {
  if (status < 0) return undefined;
  const signal = status & 0x7f;
  if (signal === 0) return { exitCode: (status >> 8) & 0xff, signalCode: null };
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  return { exitCode: null, signalCode: name ?? `SIG${signal}` };
}
