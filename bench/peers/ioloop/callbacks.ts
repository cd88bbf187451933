// COUNT callbacks, each adding the next (MODE 0), or in bulk (1); HOSTED of 1: within run(); WATCHING of 1: beside a fd
// that is never ready. Usage: callbacks.ts MODE COUNT [HOSTED] [WATCHING]
import { IOLoop, READ } from "bun-ioloop";
import { socketpair } from "bun-ioloop/io";
import { cpuNs, numbers, report, wallNs } from "../measure.mjs";

const BULK = 10_000;
const [mode, count, hosted = 0, watching = 0] = numbers() as [number, number, number?, number?];
const loop = new IOLoop();
if (watching === 1) loop.addHandler(socketpair()[0], READ, () => {});
let left = 0;

function chain(): void {
  if (--left === 0) loop.stop();
  else loop.addCallback(chain);
}

function one(): void {
  if (--left === 0) loop.stop();
  else if (left % BULK === 0) addMany();
}

function addMany(): void {
  for (let index = 0; index < BULK; index++) loop.addCallback(one);
}

async function round(calls: number): Promise<void> {
  left = calls;
  if (mode === 0) loop.addCallback(chain);
  else addMany();
  if (hosted === 1) await loop.run();
  else loop.start();
}

// As many before, for the engine to compile what is called.
await round(count);
const cpuBefore = cpuNs();
const wallBefore = wallNs();
await round(count);
report({ cpuNs: (cpuNs() - cpuBefore) / count, wallNs: (wallNs() - wallBefore) / count });
