// Watches a quiet pipe for `ms` and measures the processor time: idle.ts <ms> <maxWait> <spin>
import { writeSync } from "node:fs";
import { IOLoop, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { report } from "../support-child.ts";

const [ms = 0, maxWait = 0, spin = 0] = process.argv.slice(2).map(Number);
using loop = new IOLoop({ maxWait, spin });
let called = 0;
loop.addHandler(io.pipe()[0], READ, () => called++);
loop.runOnce(1);

writeSync(1, "ready\n");
const cpu = process.cpuUsage();
const began = performance.now();
loop.callLater(ms, () => loop.stop());
loop.start();
const wallMs = performance.now() - began;
const { user, system } = process.cpuUsage(cpu);
report({ wallMs, cpuMs: (user + system) / 1000, called });
