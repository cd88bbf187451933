// What may be thrown at whoever abuses the public API: the library's own refusals, and what the engine says of values
// and receivers that are hostile.
import { IOLoopError } from "../../src/index.ts";
import { Hostile } from "./abuse-arena.ts";

/** A call, as far as its errors depend on it. */
export interface Called {
  /** As the `Target` has it. */
  readonly name: string;
  /** Whether its receiver was none of its own. */
  readonly stranger: boolean;
}

/** Every form in which the library refuses an argument with a TypeError or a RangeError. */
const REFUSALS = [
  /^[a-z][\w.]* must be .+, not /s,
  /^unix must not hold a NUL but at its start: /,
  /^give either unix, or hostname and port$/,
  /^the address has neither port nor unix: /,
  /^slowCallback needs onSlow: /,
  /^\w+ is (NaN|-?Infinity): pass a (finite )?number of /,
  /^signal .+ is none of this system: /s,
  /^events holds unknown bits: /,
];

/** What the engine says of the class that is a callback. */
const OF_CLASS = /^Cannot call a class constructor Odd without /;

/** What it says of that and other values of abuse-values.ts, whatever is called with them. */
const OF_VALUES = [
  OF_CLASS,
  /^Proxy has already been revoked/,
  // A proxy of a loop that is used as an fd.
  /^Cannot access invalid private field \(evaluating 'this\.#core'\)$/,
  // A sender that is frozen.
  /^Attempting to define property on object that is not extensible/,
];

/** What it says of a receiver that is another object, or none. */
const OF_STRANGERS = [
  /^Cannot access (invalid private field|private method or \w+) \(evaluating '(this|loop)\.#\w+( = void 0)?'\)$/,
  /^(null|undefined) is not an object \(evaluating '((this|loop)\.#\w+( = void 0)?|this\.close)'\)$/,
  /^this\.close is not a function/,
  // Of `Symbol.dispose`, which calls the receiver's own.
  /^Can only call \w+\.close on instances of /,
];

/** What it says of a class that is called as a function. */
const WITHOUT_NEW = /^Cannot call a class constructor \w+ without /;

/** Whether it is what a call may throw, or reject with; without a call, what a promise that nobody watches may. */
export function isProper(error: unknown, called?: Called): boolean {
  if (error instanceof IOLoopError || error instanceof Hostile) return true;
  if (error instanceof DOMException) return error.name === "TimeoutError";
  if (!(error instanceof TypeError || error instanceof RangeError)) return false;
  const { message } = error;
  if (says(message, REFUSALS)) return true;
  if (error instanceof RangeError) return false;
  if (says(message, OF_VALUES)) return true;
  if (called === undefined) return false;
  const { name, stranger } = called;
  if (stranger && says(message, OF_STRANGERS)) return true;
  if (name.endsWith("()")) return WITHOUT_NEW.test(message);
  // It turns a message of any kind into a string, as Error does.
  return name.endsWith(".IOLoopError");
}

/** Whether it is what `onError` may hear of the functions that were passed: they throw nothing but what is hostile. */
export function isReportable(error: unknown): boolean {
  if (error instanceof TypeError) return OF_CLASS.test(error.message);
  return !(error instanceof RangeError) && isProper(error);
}

function says(message: string, forms: readonly RegExp[]): boolean {
  return forms.some((form) => form.test(message));
}
