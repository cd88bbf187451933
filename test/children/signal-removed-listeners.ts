// Removes every listener of process, the loops' own included, and then listens to a signal that a loop handles.
import { testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn, stopAfter } from "../support-modes.ts";

const mode = modeOf(process.argv[2]);
using loop = testLoop();
const heard = { handler: 0, again: 0, listener: 0 };
loop.addSignalHandler("SIGUSR2", () => heard.handler++);
process.removeAllListeners();
process.on("SIGUSR2", () => heard.listener++);
// Another signal's handler: with it the loop sees that it is no longer told of listeners.
loop.addSignalHandler("SIGUSR1", () => heard.again++);
await Bun.sleep(5);
loop.addCallback(() => {
  process.kill(process.pid, "SIGUSR2");
  process.kill(process.pid, "SIGUSR1");
});
stopAfter(60, loop);
await runIn(mode, loop);
report(heard);
