// A Worker with a loop that hears of its parent's messages, and answers each: see ports.test.ts.
import { parentPort, workerData } from "node:worker_threads";
import { testLoop } from "../support.ts";
import { modeOf, runIn } from "../support-modes.ts";

const loop = testLoop();
if (parentPort !== null) {
  const port = parentPort;
  const id = loop.addPort(port, (data) => {
    if (data === "stop") loop.stop();
    else port.postMessage(["heard", data]);
  });
  port.postMessage(["id", id]);
}
await runIn(modeOf(workerData), loop);
parentPort?.postMessage(["stopped", 0]);
loop.close();
