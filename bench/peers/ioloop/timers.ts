// A million timers, or any COUNT: added and fired (MODE 0), added and removed (1), removed and added again as the
// timeouts of busy connections are (2). Usage: timers.ts MODE COUNT
import { IOLoop } from "bun-ioloop";
import { cpuNs, numbers, peakRssBytes, randoms, report } from "../measure.mjs";

const [mode, count] = numbers() as [number, number];
const random = randoms();
const loop = new IOLoop();
let fired = 0;

function fire(): void {
  if (++fired === count) loop.stop();
}

function fireAll(): void {
  const rssBefore = process.memoryUsage.rss();
  const before = cpuNs();
  for (let index = 0; index < count; index++) loop.callLater(1 + random(1000), fire);
  const added = cpuNs();
  loop.start();
  const total = cpuNs() - before;
  const peak = peakRssBytes();
  report({
    addNs: (added - before) / count,
    totalNs: total / count,
    fired,
    rssBytes: (peak - rssBefore) / count,
    peakRssBytes: peak,
  });
}

function cancelAll(): void {
  const refs = new Float64Array(count);
  const before = cpuNs();
  for (let index = 0; index < count; index++) {
    refs[index] = loop.callLater(1e6 + random(1_000_000), fire);
  }
  const added = cpuNs();
  for (let index = 0; index < count; index++) {
    loop.removeTimeout(refs[(index * 611_953) % count] as number);
  }
  report({ addNs: (added - before) / count, cancelNs: (cpuNs() - added) / count });
}

function restart(): void {
  const live = 10_000;
  const refs = Float64Array.from({ length: live }, (_, index) =>
    loop.callLater(60_000 + index, fire),
  );
  const before = cpuNs();
  for (let index = 0; index < count; index++) {
    const at = random(live);
    loop.removeTimeout(refs[at] as number);
    refs[at] = loop.callLater(60_000 + random(1000), fire);
  }
  report({ restartNs: (cpuNs() - before) / count });
}

[fireAll, cancelAll, restart][mode]?.();
