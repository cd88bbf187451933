// The same as the loop's timers.ts, by setTimeout, for Node and Bun. Usage: timers.mjs MODE COUNT
import { cpuNs, numbers, peakRssBytes, randoms, report } from "../measure.mjs";

const [mode, count] = numbers();
const random = randoms();

function fireAll() {
  let fired = 0;
  let added = 0;
  const fire = () => {
    if (++fired < count) return;
    const total = cpuNs() - before;
    const peak = peakRssBytes();
    report({
      addNs: (added - before) / count,
      totalNs: total / count,
      fired,
      rssBytes: (peak - rssBefore) / count,
      peakRssBytes: peak,
    });
  };
  const rssBefore = process.memoryUsage.rss();
  const before = cpuNs();
  for (let index = 0; index < count; index++) setTimeout(fire, 1 + random(1000));
  added = cpuNs();
}

function cancelAll() {
  const timers = new Array(count);
  const before = cpuNs();
  for (let index = 0; index < count; index++) {
    timers[index] = setTimeout(ignore, 1e6 + random(1_000_000));
  }
  const added = cpuNs();
  for (let index = 0; index < count; index++) clearTimeout(timers[(index * 611_953) % count]);
  report({ addNs: (added - before) / count, cancelNs: (cpuNs() - added) / count });
}

function restart() {
  const live = 10_000;
  const timers = Array.from({ length: live }, (_, index) => setTimeout(ignore, 60_000 + index));
  const before = cpuNs();
  for (let index = 0; index < count; index++) {
    const at = random(live);
    clearTimeout(timers[at]);
    timers[at] = setTimeout(ignore, 60_000 + random(1000));
  }
  report({ restartNs: (cpuNs() - before) / count });
  process.exit(0);
}

function ignore() {}

[fireAll, cancelAll, restart][mode]?.();
