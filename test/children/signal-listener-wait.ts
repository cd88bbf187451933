// Waits in start() for a signal of the test's, which a listener of process.on hears.
import { writeSync } from "node:fs";
import { testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { runIn } from "../support-modes.ts";

using loop = testLoop({ maxWait: Number.POSITIVE_INFINITY });
let heard = 0;
process.on("SIGUSR2", () => {
  heard++;
  loop.callLater(50, () => loop.stop());
});
loop.addCallback(() => writeSync(1, "ready\n"));
await runIn("start()", loop);
const within = heard;
await Bun.sleep(50);
report({ within, late: heard - within });
process.exit(0);
