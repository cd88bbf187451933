// A million timers, or any COUNT: added and fired (MODE 0), added and removed (1), removed and added again as the
// timeouts of busy connections are (2). Half of it comes before, unmeasured, for the engine to compile what is called.
// MODE 3 tells the memory of adding and firing them, with nothing before.
// Usage: timers.ts MODE COUNT
import { IOLoop } from "bun-ioloop";
import { cpuNs, numbers, peakRssBytes, randoms, report } from "../measure.mjs";

const LIVE = 10_000;
const [mode, count] = numbers() as [number, number];
const half = Math.ceil(count / 2);
const random = randoms();
const loop = new IOLoop();
let left = 0;

function fire(): void {
  if (--left === 0) loop.stop();
}

function add(timers: number, mostMs: number): void {
  left = timers;
  for (let index = 0; index < timers; index++) loop.callLater(1 + random(mostMs), fire);
}

function fireAll(): void {
  add(half, 500);
  loop.start();

  const before = cpuNs();
  add(count, 1000);
  const added = cpuNs();
  loop.start();
  report({ addNs: (added - before) / count, totalNs: (cpuNs() - before) / count });
}

/** Returns the CPU time before, between and after. */
function addAndCancel(timers: number): readonly [number, number, number] {
  const refs = new Float64Array(timers);
  const before = cpuNs();
  for (let index = 0; index < timers; index++) {
    refs[index] = loop.callLater(1e6 + random(1_000_000), fire);
  }
  const added = cpuNs();
  for (let index = 0; index < timers; index++) {
    loop.removeTimeout(refs[(index * 611_953) % timers] as number);
  }
  return [before, added, cpuNs()];
}

function cancelAll(): void {
  addAndCancel(half);
  const [before, added, cancelled] = addAndCancel(count);
  report({ addNs: (added - before) / count, cancelNs: (cancelled - added) / count });
}

function restart(): void {
  const refs = Float64Array.from({ length: LIVE }, (_, index) =>
    loop.callLater(60_000 + index, fire),
  );
  const restartMany = (times: number): void => {
    for (let index = 0; index < times; index++) {
      const at = random(LIVE);
      loop.removeTimeout(refs[at] as number);
      refs[at] = loop.callLater(60_000 + random(1000), fire);
    }
  };
  restartMany(half);
  const before = cpuNs();
  restartMany(count);
  report({ restartNs: (cpuNs() - before) / count });
}

function memory(): void {
  const rssBefore = process.memoryUsage.rss();
  add(count, 1000);
  loop.start();
  const peak = peakRssBytes();
  report({ rssBytes: (peak - rssBefore) / count, peakRssBytes: peak });
}

[fireAll, cancelAll, restart, memory][mode]?.();
