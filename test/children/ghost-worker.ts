// A Worker whose loop watches an fd that another thread closes, and removes it only then. Posts what the loop did after.
import { parentPort, workerData } from "node:worker_threads";
import { IOLoop, READ } from "../../src/index.ts";
import { GATE } from "./worker-gate.ts";

const REST_MS = 100;

const { cells, fd } = workerData as { readonly cells: Int32Array; readonly fd: number };
const loop = new IOLoop({ maxWait: Number.POSITIVE_INFINITY });
let passes = 0;
loop.addHandler(fd, READ, () => {});
const watching = loop.setInterval(1, () => {
  if (Atomics.load(cells, GATE) === 0) return;
  loop.clearInterval(watching);
  loop.removeHandler(fd);
  passes = loop.metrics().iterations;
  loop.callLater(REST_MS, () => loop.stop());
});
loop.callLater(4000, () => loop.stop());

parentPort?.postMessage("ready");
loop.start();
passes = loop.metrics().iterations - passes;
const { dropped } = loop.metrics();
loop.close();
parentPort?.postMessage({ passes, dropped });
