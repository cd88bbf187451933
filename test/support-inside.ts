import { STATE_POLLER_FD, STATE_WAKE_FD } from "../src/abi.ts";
import { coreOf } from "../src/basic-loop.ts";
import type { IOLoop } from "../src/index.ts";

/** The fd of an open loop's queue. */
export function queueOf(loop: IOLoop): number {
  return coreOf(loop).poller.state[STATE_POLLER_FD] as number;
}

/** The fd by which an open loop is woken. */
export function wakeFdOf(loop: IOLoop): number {
  return coreOf(loop).poller.state[STATE_WAKE_FD] as number;
}
