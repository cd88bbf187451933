// The same as the loop's drift.ts, by setInterval, for Node and Bun. Usage: drift.mjs PERIOD SECONDS
import { driftMeter, numbers, report } from "../measure.mjs";

const [periodMs, seconds] = numbers();
let ticks = 0;
const drift = driftMeter(periodMs, seconds);

const beganMs = performance.now();
const interval = setInterval(() => {
  const elapsedMs = performance.now() - beganMs;
  drift.note(elapsedMs, ++ticks);
  if (elapsedMs < seconds * 1000) return;
  clearInterval(interval);
  report({ driftMs: drift.leastMs, ticks });
}, periodMs);
