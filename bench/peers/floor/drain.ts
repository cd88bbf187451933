// What bun:jsc's drainMicrotasks() costs with nothing to drain, and what any call does that leaves JavaScript.
import { drainMicrotasks, releaseWeakRefs } from "bun:jsc";
import { do_not_optimize, measure } from "mitata";
import { report } from "../measure.mjs";

/** Called as a function is that the engine knows nothing of. */
async function nanoseconds(call: () => unknown): Promise<number> {
  const { p50 } = await measure(() => do_not_optimize(call()), {});
  return p50;
}

report({
  drainNs: await nanoseconds(drainMicrotasks),
  leaveNs: await nanoseconds(releaseWeakRefs),
  emptyNs: await nanoseconds(() => undefined),
});
