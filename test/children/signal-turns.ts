// Signals come all the time while runs begin and end; handler and listener must hear of the same ones: signal-turns.ts <mode>
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn, stopAfter } from "../support-modes.ts";

const AFTER_MS = 60;
const mode = modeOf(process.argv[2]);
using loop = testLoop();
let handled = 0;
let listened = 0;
process.on("SIGUSR2", () => listened++);
loop.addSignalHandler("SIGUSR2", () => handled++);
const worker = new Worker(new URL("signal-sender.ts", import.meta.url), { workerData: 2000 });
await once(worker, "message");
let done = false;
once(worker, "message").then(() => {
  done = true;
});
for (let turn = 0; !done; turn++) {
  loop.callLater(turn % 4, () => loop.stop());
  await runIn(mode, loop);
  await Bun.sleep(turn % 3);
}
await Bun.sleep(AFTER_MS);
stopAfter(AFTER_MS, loop);
await runIn(mode, loop);
await Bun.sleep(AFTER_MS);
report({ heard: Number(handled > 0), difference: listened - handled });
process.exit(0);
