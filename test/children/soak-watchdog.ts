// Ends the soak when it hangs: its main thread may be blocked in a loop that nothing ends, where no timer would help.
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

const LOOK_EVERY_MS = 1000;
const { moves, limitMs } = workerData as { moves: Int32Array; limitMs: number };
let last = -1;
let since = Date.now();

setInterval(() => {
  const moved = Atomics.load(moves, 0);
  if (moved !== last) since = Date.now();
  last = moved;
  if (Date.now() - since < limitMs) return;
  writeSync(
    2,
    `soak: nothing has moved for ${limitMs / 1000} s: a loop hangs, or the process does not end\n`,
  );
  process.kill(process.pid, "SIGKILL");
}, LOOK_EVERY_MS);
