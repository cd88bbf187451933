// The memory that each event costs, in a process that never collects garbage: the harness sets BUN_JSC_useGC=0.
// Usage: memory.ts EVENTS
import { IOLoop, READ } from "bun-ioloop";
import { socketpair, write } from "bun-ioloop/io";
import { numbers, report } from "../measure.mjs";

const READY = 64;
/** By then the compiler has what it needs. */
const WARM_EVENTS = 500_000;
const [events] = numbers() as [number];
const loop = new IOLoop();
let left = 0;

for (let index = 0; index < READY; index++) {
  const [reader, writer] = socketpair();
  write(writer, new Uint8Array(1));
  loop.addHandler(reader, READ, () => {
    if (--left === 0) loop.stop();
  });
}

function serve(count: number): void {
  left = count;
  loop.start();
}

serve(WARM_EVENTS);
const before = process.memoryUsage.rss();
serve(events);
report({ bytesPerEvent: (process.memoryUsage.rss() - before) / events });
