// The same as the loop's timers.ts, by setTimeout, for Node and Bun.
// Usage: timers.mjs MODE COUNT, MODE 0: add and fire, 1: add and cancel, 2: restart among 10,000, each after half as
// many unmeasured ones; 3: the memory of adding and firing, with nothing before
import { cpuNs, numbers, peakRssBytes, randoms, report } from "../measure.mjs";

const LIVE = 10_000;
const [mode, count] = numbers();
const half = Math.ceil(count / 2);
const random = randoms();

async function fireAll() {
  await addAndFire(half, 500);
  const { before, added } = await addAndFire(count, 1000);
  report({ addNs: (added - before) / count, totalNs: (cpuNs() - before) / count });
}

function addAndFire(timers, mostMs) {
  return new Promise((resolve) => {
    let left = timers;
    let added = 0;
    const fire = () => {
      if (--left === 0) resolve({ before, added });
    };
    const before = cpuNs();
    for (let index = 0; index < timers; index++) setTimeout(fire, 1 + random(mostMs));
    added = cpuNs();
  });
}

function cancelAll() {
  addAndCancel(half);
  const [before, added, cancelled] = addAndCancel(count);
  report({ addNs: (added - before) / count, cancelNs: (cancelled - added) / count });
}

function addAndCancel(count) {
  const timers = new Array(count);
  const before = cpuNs();
  for (let index = 0; index < count; index++) {
    timers[index] = setTimeout(ignore, 1e6 + random(1_000_000));
  }
  const added = cpuNs();
  for (let index = 0; index < count; index++) clearTimeout(timers[(index * 611_953) % count]);
  return [before, added, cpuNs()];
}

function restart() {
  const timers = Array.from({ length: LIVE }, (_, index) => setTimeout(ignore, 60_000 + index));
  const restartMany = (times) => {
    for (let index = 0; index < times; index++) {
      const at = random(LIVE);
      clearTimeout(timers[at]);
      timers[at] = setTimeout(ignore, 60_000 + random(1000));
    }
  };
  restartMany(half);
  const before = cpuNs();
  restartMany(count);
  report({ restartNs: (cpuNs() - before) / count });
  process.exit(0);
}

async function memory() {
  const rssBefore = process.memoryUsage.rss();
  await addAndFire(count, 1000);
  const peak = peakRssBytes();
  report({ rssBytes: (peak - rssBefore) / count, peakRssBytes: peak });
}

function ignore() {}

[fireAll, cancelAll, restart, memory][mode]?.();
