// Ends by itself though ports are there: nobody runs the loop. port-exit.ts <never | before>
import { Worker } from "node:worker_threads";
import { ignore, testLoop } from "../support.ts";
import { report } from "../support-child.ts";

const loop = testLoop();
const { port1, port2 } = new MessageChannel();
loop.addPort(port1 as never, ignore);
port2.postMessage("unheard");
if (process.argv[2] === "before") {
  loop.callLater(20, () => loop.stop());
  await loop.run();
  loop.callLater(20, () => loop.stop());
  loop.start();
}
report({ worker: Number(typeof Worker === "function") });
