// Measures the memory of pending timers, and what removed ones leave behind.
import { heapStats } from "bun:jsc";
import { IOLoop } from "../../src/index.ts";
import { report } from "../support-child.ts";

const TIMERS = 1_000_000;
const CHURN = 200_000;

function nothing(): void {}

function rss(): number {
  Bun.gc(true);
  return process.memoryUsage().rss;
}

function heap(): number {
  Bun.gc(true);
  return heapStats().heapSize;
}

function churn(loop: IOLoop): void {
  for (let count = 0; count < CHURN; count++) {
    loop.removeTimeout(loop.callLater(1000 + (count % 7), nothing, [count]));
    loop.clearInterval(loop.setInterval(1000, nothing, [count]));
  }
}

using churned = new IOLoop();
churn(churned);
const heapBefore = heap();
churn(churned);
const leftBytes = heap() - heapBefore;

using loop = new IOLoop();
const now = loop.time();
const rssBefore = rss();
for (let count = 0; count < TIMERS; count++) loop.callAt(now + 1e6 + (count % 1000), nothing);
const bytesEach = Math.round((rss() - rssBefore) / TIMERS);

report({ bytesEach, leftBytes });
