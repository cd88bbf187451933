// Hears SIGUSR2 once, stops listening, and raises it again: signal-before.ts <remove | close> <mode>
import { writeSync } from "node:fs";
import { testLoop } from "../support.ts";
import { modeOf, runIn } from "../support-modes.ts";

const [, , how, mode] = process.argv;
const loop = testLoop();
loop.addSignalHandler("SIGUSR2", () => {
  writeSync(1, "heard\n");
  loop.callLater(20, () => loop.stop());
});
process.kill(process.pid, "SIGUSR2");
await runIn(modeOf(mode), loop);
if (how === "close") loop.close();
else loop.removeSignalHandler("SIGUSR2");
process.kill(process.pid, "SIGUSR2");
writeSync(1, "lived\n");
loop.close();
