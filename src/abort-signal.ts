import { isGenuine, show } from "./arguments.ts";

/** An AbortSignal, for projects whose libraries know none. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Throws TypeError for what is no AbortSignal, such as an object that only looks like one. */
export function checkSignal(signal: AbortSignalLike | undefined): void {
  if (signal !== undefined && !isGenuine(signal, getter("aborted"))) {
    throw new TypeError(`signal must be an AbortSignal, not ${show(signal)}`);
  }
}

// What a signal says and does is its class's, for a property of its own may throw, or close the loop. The class is
// looked up here, since it is made at its first use, and most programs have none.

export function isAborted(signal: AbortSignalLike | undefined): boolean {
  return signal !== undefined && getter("aborted")?.call(signal) === true;
}

export function reasonOf(signal: AbortSignalLike | undefined): unknown {
  return signal === undefined ? undefined : getter("reason")?.call(signal);
}

export function onAbort(signal: AbortSignalLike | undefined, listener: () => void): void {
  if (signal !== undefined) EventTarget.prototype.addEventListener.call(signal, "abort", listener);
}

export function offAbort(signal: AbortSignalLike | undefined, listener: () => void): void {
  if (signal !== undefined)
    EventTarget.prototype.removeEventListener.call(signal, "abort", listener);
}

function getter(name: "aborted" | "reason"): (() => unknown) | undefined {
  return Object.getOwnPropertyDescriptor(AbortSignal.prototype, name)?.get;
}
