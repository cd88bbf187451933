// The same as the loop's drift.ts, by setInterval, for Node and Bun. Usage: drift.mjs PERIOD SECONDS
import { numbers, report } from "../measure.mjs";

const [periodMs, seconds] = numbers();
let ticks = 0;

const beganMs = performance.now();
const interval = setInterval(() => {
  ticks++;
  const nowMs = performance.now();
  if (nowMs - beganMs < seconds * 1000) return;
  clearInterval(interval);
  report({ driftMs: nowMs - beganMs - ticks * periodMs, ticks });
}, periodMs);
