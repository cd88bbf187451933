// How late each of COUNT timeouts of DELAY microseconds is called, one after the other; HOSTED of 1: in run(). SLACK is the
// thread's timer slack in nanoseconds, 0 for the kernel's default. Usage: lateness.ts DELAY COUNT [HOSTED] [SLACK]
import { writeFileSync } from "node:fs";
import { IOLoop } from "bun-ioloop";
import { numbers, report } from "../measure.mjs";

const [delayUs, count, hosted = 0, slackNs = 0] = numbers() as [number, number, number?, number?];
if (slackNs > 0) writeFileSync("/proc/self/timerslack_ns", String(slackNs));

const delayMs = delayUs / 1000;
const loop = new IOLoop();
const lateUs: number[] = [];
let began = 0;

function next(): void {
  began = performance.now();
  loop.callLater(delayMs, late);
}

function late(): void {
  lateUs.push((performance.now() - began) * 1000 - delayUs);
  if (lateUs.length < count) next();
  else loop.stop();
}

next();
if (hosted === 1) await loop.run();
else loop.start();
report({ lateUs });
