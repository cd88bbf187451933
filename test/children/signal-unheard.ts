// Raises SIGUSR2 once for a listener, takes that away, and raises it again: signal-unheard.ts <how> <mode>
import { writeSync } from "node:fs";
import { testLoop } from "../support.ts";
import { modeOf, runIn } from "../support-modes.ts";

const [, , how = "", mode] = process.argv;
const raise = (): boolean => process.kill(process.pid, "SIGUSR2");
const beside = how.includes("beside a handler");
const within = how.includes("within the run");
/** Each step follows what the one before has brought, however long that takes. */
const listener = (): void => {
  writeSync(1, "heard\n");
  loop.callLater(5, leave);
};
const off = (): void => {
  if (!how.startsWith("once")) process.off("SIGUSR2", listener);
};
const listen = (): void => {
  if (how.startsWith("once")) process.once("SIGUSR2", listener);
  else process.on("SIGUSR2", listener);
};

const loop = testLoop();
if (!how.startsWith("a later")) listen();
if (beside) loop.addSignalHandler("SIGUSR2", () => {});
if (how.startsWith("a later")) listen();
function leave(): void {
  if (within) off();
  if (within && !beside) loop.callLater(5, raise);
  else loop.callLater(20, () => loop.stop());
}

loop.callLater(5, raise);
await runIn(modeOf(mode), loop);
off();
if (how.endsWith("remove")) loop.removeSignalHandler("SIGUSR2");
if (how.endsWith("close")) loop.close();
raise();
await Bun.sleep(50);
writeSync(1, "lived\n");
process.exit(0);
