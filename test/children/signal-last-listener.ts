// Raises a signal twice at once in one loop's run for a listener that goes with the first, beside another loop's handler.
import { testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { stopAfter } from "../support-modes.ts";

using loop = testLoop();
using other = testLoop();
const heard = { handler: 0, listener: 0 };
other.addSignalHandler("SIGUSR2", () => heard.handler++);
process.once("SIGUSR2", () => heard.listener++);
loop.addCallback(() => {
  process.kill(process.pid, "SIGUSR2");
  process.kill(process.pid, "SIGUSR2");
});
stopAfter(60, loop);
loop.start();
for (let pass = 0; pass < 3; pass++) other.runOnce(0);
report(heard);
process.exit(0);
