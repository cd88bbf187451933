export type { FdLike } from "./arguments.ts";
export type { CallContext } from "./calls.ts";
export { IOLoopError, type IOLoopErrorDetails } from "./errors.ts";
export { EDGE, ERROR, ONESHOT, PRI, READ, WRITE } from "./events.ts";
export { type Arg, type IntervalRef, IOLoop, instance, type TimeoutRef } from "./ioloop.ts";
export type { IOLoopOptions } from "./options.ts";
export type { RunUntilOptions } from "./run-until.ts";
