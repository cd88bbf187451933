// Measures the memory that each event costs, in a process that never collects garbage: the parent sets
// BUN_JSC_useGC=0. With "control" the handler makes one object for each event; with "metrics" every fourth asks for
// them.
import { IOLoop, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { report } from "../support-child.ts";

/** The more are measured, the less it matters what the engine takes for itself meanwhile. */
const EVENTS = 2_000_000;
const EVENTS_WARM = 500_000;
const control = process.argv[2] === "control";
const metered = process.argv[2] === "metrics";
const METRICS_EVERY = 4;

using loop = new IOLoop();
const metrics = metered ? loop.metrics() : undefined;
let count = 0;
let kept: object = loop;
for (let index = 0; index < 64; index++) {
  const [reader, writer] = io.socketpair();
  // Nobody reads, so every fd is ready at every turn.
  io.write(writer, new Uint8Array(1));
  const handler = (): void => {
    count++;
    if (control) kept = { count };
    if (metrics !== undefined && count % METRICS_EVERY === 0) loop.metrics(metrics);
  };
  if (index % 2 === 0) loop.addHandler(reader, READ, handler);
  else loop.addHandler(reader, READ, handler, kept);
}

function serve(events: number): void {
  for (count = 0; count < events; ) loop.runOnce(0);
}

// The compiler's own memory is spent by then.
serve(EVENTS_WARM);
const before = process.memoryUsage().rss;
serve(EVENTS);
report({ bytesPerEvent: (process.memoryUsage().rss - before) / count });
