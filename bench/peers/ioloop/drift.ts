// How far an interval of PERIOD milliseconds is from its grid after SECONDS; HOSTED of 1: in run().
// Usage: drift.ts PERIOD SECONDS [HOSTED]
import { IOLoop } from "bun-ioloop";
import { driftMeter, numbers, report } from "../measure.mjs";

const [periodMs, seconds, hosted = 0] = numbers() as [number, number, number?];
const loop = new IOLoop();
const drift = driftMeter(periodMs, seconds);

const beganMs = performance.now();
loop.setInterval(periodMs, () => {
  const elapsedMs = performance.now() - beganMs;
  drift.note(elapsedMs);
  if (elapsedMs >= seconds * 1000) loop.stop();
});
if (hosted === 1) await loop.run();
else loop.start();
report({ driftMs: drift.leastMs, ticks: drift.ticks });
