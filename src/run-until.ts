import { checkOptions, checkTime, show } from "./arguments.ts";
import { bindContext } from "./async-context.ts";
import type { Core } from "./core.ts";
import { closedError, IOLoopError } from "./errors.ts";

export interface RunUntilOptions {
  /** Milliseconds until a DOMException "TimeoutError" is thrown; none by default. */
  readonly timeout?: number | undefined;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * Runs `core` until `work` has settled; the contract is `IOLoop.runUntil`'s.
 *
 * @internal
 */
export function runUntil<T>(
  core: Core,
  work: PromiseLike<T> | (() => PromiseLike<T> | T),
  options: RunUntilOptions,
): T {
  if (typeof work !== "function" && typeof work?.then !== "function") {
    throw new TypeError(`work must be a promise or a function, not ${show(work)}`);
  }
  checkOptions("options", options, "{ timeout: 20 }");
  const { timeout = Number.POSITIVE_INFINITY } = options;
  const timeoutMs = Math.max(checkTime("timeout", timeout), 0);
  // Not before: the options' getter may close it.
  if (core.closed) throw closedError("runUntil");

  let outcome: Outcome<T> | undefined;
  let timedOut = false;
  let timer = 0;

  const begin = async (): Promise<void> => {
    if (timeoutMs !== Number.POSITIVE_INFINITY) {
      const expire = (): void => {
        timedOut = true;
      };
      timer = core.timeouts.add(performance.now() + timeoutMs, expire, undefined);
    }
    try {
      outcome = { value: await (typeof work === "function" ? work() : work) };
    } catch (error) {
      outcome = { error };
    }
  };

  try {
    core.run(() => timedOut || outcome !== undefined, bindContext(begin));
  } finally {
    core.timeouts.remove(timer);
  }
  if (outcome !== undefined) {
    if ("value" in outcome) return outcome.value;
    throw outcome.error;
  }
  if (timedOut) {
    throw new DOMException(`runUntil: the work took longer than ${timeoutMs} ms`, "TimeoutError");
  }
  if (core.closed) throw closedError("runUntil");
  throw new IOLoopError(
    "ERR_LOOP_STOPPED",
    "runUntil: stop() came before the work had settled; call runUntil again to wait on",
  );
}
