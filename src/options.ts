import { checkFinite, checkFunction, checkInteger, checkOptions, checkTime } from "./arguments.ts";
import type { CallContext, CallReporting } from "./calls.ts";
import type { CoreOptions } from "./core.ts";

/** What a loop can be told when it is made. */
export interface IOLoopOptions {
  /** Ready fds taken from the kernel by one wait, 1 to 65,536; 1024 by default. More are served next time. */
  readonly maxEvents?: number | undefined;
  /**
   * Microseconds of busy polling before a wait sleeps, and in `run()` of turns after the last event, at least 10
   * there; 0 to 1,000,000, and 0 by default. What comes within them is served without the kernel's wake-up, at the
   * price of a core.
   */
  readonly spin?: number | undefined;
  /**
   * The longest wait in milliseconds, above 0. Infinity by default: a quiet loop sleeps until something comes, and the
   * kernel sets no timer for that. On macOS 3600: nothing else there ends a wait of a Worker that is to be terminated. A
   * hosted loop has none.
   */
  readonly maxWait?: number | undefined;
  /**
   * Gets what a handler, callback, timeout, interval or other call throws or rejects with, and updates that the
   * kernel refused late. The default prints it with its stack. What `onError` itself throws leaves `start()`, or
   * rejects `run()`.
   */
  readonly onError?: ((error: unknown, context: CallContext) => void) | undefined;
  /** Milliseconds from which a call, its microtasks included, counts as slow: with `onSlow`, 100 by default. */
  readonly slowCallback?: number | undefined;
  /** Hears of each slow call. What it throws leaves `start()`, or rejects `run()`. */
  readonly onSlow?: ((durationMs: number, context: CallContext) => void) | undefined;
}

const MAX_EVENTS = 1024;
const MAX_EVENTS_MOST = 65_536;
const SPIN_MOST_US = 1e6;
const MAX_WAIT_MS = process.platform === "darwin" ? 3600 : Number.POSITIVE_INFINITY;
const SLOW_MS = 100;

/**
 * Checks the options and fills in the defaults.
 *
 * @internal
 */
export function resolveOptions(options: IOLoopOptions): CoreOptions {
  checkOptions("options", options, "{ maxEvents: 64 }");
  const { maxEvents = MAX_EVENTS, spin = 0, maxWait = MAX_WAIT_MS, onError = printError } = options;
  checkInteger("maxEvents", maxEvents, 1, MAX_EVENTS_MOST);
  checkFinite("spin", spin, "microseconds");
  if (spin < 0 || spin > SPIN_MOST_US) {
    throw new RangeError(`spin must be from 0 to ${SPIN_MOST_US} microseconds, not ${spin}`);
  }
  checkTime("maxWait", maxWait);
  if (maxWait <= 0) throw new RangeError(`maxWait must be more than 0 ms, not ${maxWait}`);
  checkFunction("onError", onError);
  return { maxEvents, spin, maxWait, onError, ...resolveSlow(options) };
}

function resolveSlow(options: IOLoopOptions): Omit<CallReporting, "onError"> {
  const { slowCallback, onSlow } = options;
  if (onSlow === undefined) {
    if (slowCallback === undefined) return { slowCallback: Number.POSITIVE_INFINITY, onSlow() {} };
    throw new TypeError(
      "slowCallback needs onSlow: pass the function that is to hear of slow calls",
    );
  }
  checkFunction("onSlow", onSlow);
  return { slowCallback: checkTime("slowCallback", slowCallback ?? SLOW_MS), onSlow };
}

function printError(error: unknown, { source, fd, ref }: CallContext): void {
  const which = fd !== undefined ? ` of fd ${fd}` : ref !== undefined ? ` ${ref}` : "";
  const heading = `bun-ioloop: error in ${source}${which}:`;
  try {
    console.error(heading, error);
  } catch {
    // Its own way to be shown has failed, which is no reason to end the run.
    console.error(heading, "an error that cannot be shown");
  }
}
