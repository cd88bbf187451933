// How far an interval of PERIOD milliseconds is from its grid after SECONDS; HOSTED of 1: in run().
// Usage: drift.ts PERIOD SECONDS [HOSTED]
import { IOLoop } from "bun-ioloop";
import { driftMeter, numbers, report } from "../measure.mjs";

const [periodMs, seconds, hosted = 0] = numbers() as [number, number, number?];
const loop = new IOLoop();
let ticks = 0;
const drift = driftMeter(periodMs, seconds);

const beganMs = performance.now();
loop.setInterval(periodMs, () => {
  const elapsedMs = performance.now() - beganMs;
  ticks++;
  // A stall swallows beats, and does not move the grid.
  drift.note(elapsedMs, Math.floor(elapsedMs / periodMs));
  if (elapsedMs >= seconds * 1000) loop.stop();
});
if (hosted === 1) await loop.run();
else loop.start();
report({ driftMs: drift.leastMs, ticks });
