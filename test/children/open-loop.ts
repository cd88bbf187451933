// A Worker that opens its first loop at the same moment as others, and tells whether it works.
import { parentPort, workerData } from "node:worker_threads";
import { IOLoop } from "../../src/index.ts";
import { passGate } from "./worker-gate.ts";

passGate(workerData as Int32Array);
using loop = new IOLoop();
let ran = 0;
loop.addCallback(() => ran++);
loop.runOnce(0);
parentPort?.postMessage(ran);
