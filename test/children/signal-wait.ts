// Waits for a signal of the test's, where "without" is given with no handler: signal-wait.ts <mode> [without]
import { writeSync } from "node:fs";
import { testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn } from "../support-modes.ts";

const [, , mode, without] = process.argv;
using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
let heard = 0;
const heardOf = (): void => {
  heard++;
  loop.callLater(50, () => loop.stop());
};
if (without === undefined) loop.addSignalHandler("SIGUSR2", heardOf);
loop.addCallback(() => writeSync(1, "ready\n"));
await runIn(modeOf(mode), loop);
report({ heard });
