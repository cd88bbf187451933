// A Worker of waker-closing.ts: wakes whoever is written there, for ever.
import { parentPort, workerData } from "node:worker_threads";
import { wake } from "../../src/wakers.ts";

const ids = workerData as Float64Array;
parentPort?.postMessage("ready");
setImmediate(function wakeAll() {
  for (let round = 0; round < 100; round++) {
    for (const id of ids) wake(id);
  }
  setImmediate(wakeAll);
});
