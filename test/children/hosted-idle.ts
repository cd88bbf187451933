// Sleeps for `ms` and measures the processor time, with a hosted loop unless there is "none": hosted-idle.ts <loop> <ms>
import { writeSync } from "node:fs";
import { IOLoop, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { report } from "../support-child.ts";

const [kind, ms] = process.argv.slice(2);
const hosted = kind !== "none";
const loop = new IOLoop();
let called = 0;
loop.addHandler(io.pipe()[0], READ, () => called++);
loop.callLater(3_600_000, () => called++);
const ended = hosted ? loop.run() : undefined;
// Bun has told all that it has to tell of its start.
await Bun.sleep(200);

writeSync(1, "ready\n");
const cpu = process.cpuUsage();
const began = performance.now();
await Bun.sleep(Number(ms));
const wallMs = performance.now() - began;
const { user, system } = process.cpuUsage(cpu);
const running = Number(loop.running());
writeSync(1, "rested\n");
loop.stop();
await ended;
report({ wallMs, cpuMs: (user + system) / 1000, called, running });
