// How far an interval of PERIOD milliseconds is from its grid after SECONDS; HOSTED of 1: in run().
// Usage: drift.ts PERIOD SECONDS [HOSTED]
import { IOLoop } from "bun-ioloop";
import { numbers, report } from "../measure.mjs";

const [periodMs, seconds, hosted = 0] = numbers() as [number, number, number?];
const loop = new IOLoop();
let ticks = 0;
let lastMs = 0;

const beganMs = performance.now();
loop.setInterval(periodMs, () => {
  ticks++;
  lastMs = performance.now();
  if (lastMs - beganMs >= seconds * 1000) loop.stop();
});
if (hosted === 1) await loop.run();
else loop.start();
report({ driftMs: lastMs - beganMs - ticks * periodMs, ticks });
