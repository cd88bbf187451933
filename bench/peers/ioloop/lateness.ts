// How late each of COUNT timeouts of DELAY microseconds is called, one after the other; HOSTED of 1: in run(). SLACK is the
// thread's timer slack in nanoseconds, 0 for the kernel's default. WARM timeouts of 0 come before, for the engine to
// compile what is called. Usage: lateness.ts DELAY COUNT [HOSTED] [SLACK] [WARM]
import { writeFileSync } from "node:fs";
import { IOLoop } from "bun-ioloop";
import { numbers, report } from "../measure.mjs";

const [delayUs = 0, count = 0, hosted = 0, slackNs = 0, warm = 0] = numbers();
if (slackNs > 0) writeFileSync("/proc/self/timerslack_ns", String(slackNs));

const delayMs = delayUs / 1000;
const loop = new IOLoop();
const lateUs: number[] = [];
let began = 0;

let cold = warm;

function warmUp(): void {
  if (cold-- > 0) loop.callLater(0, warmUp);
  else next();
}

function next(): void {
  began = performance.now();
  loop.callLater(delayMs, late);
}

function late(): void {
  lateUs.push((performance.now() - began) * 1000 - delayUs);
  if (lateUs.length < count) next();
  else loop.stop();
}

warmUp();
if (hosted === 1) await loop.run();
else loop.start();
report({ lateUs });
