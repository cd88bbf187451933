import { EBADF, systemError } from "./errors.ts";
import { KNOWN } from "./events.ts";

/** A file descriptor, or anything that has one: `process.stdin`, what `Bun.listen` returns, another loop. */
export type FdLike = number | { readonly fd: number };

const FD_MAX = 0x7fffffff;

/** The number behind `target`. Throws at what can name no open file. */
export function checkFd(target: FdLike, syscall: string): number {
  const fd = descriptorOf(target);
  if (typeof fd === "number") return checkFdNumber(fd, syscall);
  throw new TypeError(
    `fd must be a number or an object with a numeric "fd", not ${show(target)}: pass the descriptor itself`,
  );
}

/** The same for calls that take the number alone. */
export function checkFdNumber(fd: number, syscall: string): number {
  if (typeof fd !== "number") {
    throw new TypeError(`fd must be a number, not ${show(fd)}: pass the descriptor itself`);
  }
  if (!Number.isInteger(fd)) {
    throw new RangeError(`fd must be an integer, not ${fd}: pass the number that opening it gave`);
  }
  if (fd < 0 || fd > FD_MAX) {
    throw systemError(EBADF, syscall, fd, "no fd has that number: check what opening it returned");
  }
  return fd;
}

/** The number behind `target`, or -1 where there is none. Never throws. */
export function fdOf(target: FdLike): number {
  try {
    const fd = descriptorOf(target);
    return typeof fd === "number" && Number.isInteger(fd) && fd >= 0 && fd <= FD_MAX ? fd : -1;
  } catch {
    return -1;
  }
}

function descriptorOf(target: FdLike): unknown {
  const carrier = typeof target === "object" ? target !== null : typeof target === "function";
  return carrier ? (target as { readonly fd: unknown }).fd : target;
}

export function checkEvents(events: number): number {
  if (typeof events !== "number") {
    throw new TypeError(
      `events must be a number, not ${show(events)}: combine READ, WRITE, PRI, ERROR, EDGE and ONESHOT with |`,
    );
  }
  if (!Number.isInteger(events) || (events & ~KNOWN) !== 0 || events < 0 || events > KNOWN) {
    throw new RangeError(
      `events holds unknown bits: ${events > 0 && Number.isInteger(events) ? `0x${events.toString(16)}` : events}; combine READ, WRITE, PRI, ERROR, EDGE and ONESHOT with |, or pass 0 to pause`,
    );
  }
  return events;
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") {
    throw new TypeError(`${name} must be a function, not ${show(value)}`);
  }
}

/** A time: any number but NaN. */
export function checkTime(name: string, value: number, unit = "milliseconds"): number {
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be a number of ${unit}, not ${show(value)}`);
  }
  if (Number.isNaN(value)) throw new RangeError(`${name} is NaN: pass a number of ${unit}`);
  return value;
}

/** A delay or a moment: finite, for a timer that never comes would stay for ever. */
export function checkFinite(name: string, value: number, unit = "milliseconds"): number {
  checkTime(name, value, unit);
  if (Number.isFinite(value)) return value;
  throw new RangeError(`${name} is ${value}: pass a finite number of ${unit}`);
}

export function checkOptions(name: string, value: unknown, example: string): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`${name} must be an object, such as ${example}, not ${show(value)}`);
  }
}

export function checkInteger(name: string, value: number, least: number, most: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be a number, not ${show(value)}`);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} must be an integer from ${least} to ${most}, not ${value}`);
  }
  return value;
}

/** Describes a wrong argument without running any of its code. */
export function show(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value === "object") return isArray(value) ? "an array" : "an object";
  if (typeof value === "function") return "a function";
  // Writing out a large one can take minutes.
  if (typeof value === "bigint")
    return value === BigInt.asIntN(64, value) ? `${value}n` : "a bigint";
  return String(value);
}

function isArray(value: object): boolean {
  try {
    return Array.isArray(value);
  } catch {
    // A proxy that was revoked.
    return false;
  }
}

/**
 * Whether `value` is one of a built-in class that has this method: a proxy, and an object that was only made from the
 * prototype, pass `instanceof` as well.
 */
export function isGenuine(value: unknown, method: (() => unknown) | undefined): boolean {
  try {
    method?.call(value);
    return method !== undefined;
  } catch {
    return false;
  }
}
