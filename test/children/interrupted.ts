// Waits while the test sends it signals, and measures whether the waits last their whole time.
import { IOLoop, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { report } from "../support-child.ts";

let heard = 0;
process.on("SIGUSR2", () => heard++);
using loop = new IOLoop();
let called = 0;
loop.addHandler(io.pipe()[0], READ, () => called++);
await Bun.write(Bun.stdout, "ready\n");

let began = performance.now();
called += loop.runOnce(200);
const runOnceMs = performance.now() - began;

began = performance.now();
loop.callLater(150, () => loop.stop());
loop.start();
const startMs = performance.now() - began;

using limited = new IOLoop({ maxWait: 150 });
began = performance.now();
limited.runOnce(Number.POSITIVE_INFINITY);
const maxWaitMs = performance.now() - began;

// Bun's own loop hears of the signals now.
await Bun.sleep(20);
report({ runOnceMs, startMs, maxWaitMs, called, heard });
