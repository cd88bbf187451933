// The same as the loop's drift.ts, by setInterval, for Node and Bun. Usage: drift.mjs PERIOD SECONDS
import { driftMeter, numbers, report } from "../measure.mjs";

const [periodMs, seconds] = numbers();
const drift = driftMeter(periodMs, seconds);

const beganMs = performance.now();
const interval = setInterval(() => {
  const elapsedMs = performance.now() - beganMs;
  drift.note(elapsedMs);
  if (elapsedMs < seconds * 1000) return;
  clearInterval(interval);
  report({ driftMs: drift.leastMs, ticks: drift.ticks });
}, periodMs);
