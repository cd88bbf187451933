// The main thread and a Worker have a handler for one signal, and the main thread a listener as well. All of them go, the
// Worker's last; then the signal must end this process.
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { IOLoop } from "../../src/index.ts";
import { ignore } from "../support.ts";

const SIGNAL = "SIGUSR2";
const FAR_MS = 3000;

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  const answered = (): Promise<unknown> =>
    new Promise((resolve) => worker.once("message", resolve));
  await answered();
  const loop = new IOLoop();
  loop.addSignalHandler(SIGNAL, () => loop.stop());
  const listener = (): void => console.log("heard");
  process.on(SIGNAL, listener);
  loop.callLater(1, () => process.kill(process.pid, SIGNAL));
  loop.start();
  process.off(SIGNAL, listener);
  loop.close();
  worker.postMessage("remove");
  await answered();
  process.kill(process.pid, SIGNAL);
  await Bun.sleep(FAR_MS);
  process.exit(1);
} else {
  const loop = new IOLoop();
  loop.addSignalHandler(SIGNAL, ignore);
  parentPort?.on("message", () => {
    loop.removeSignalHandler(SIGNAL);
    parentPort?.postMessage("removed");
  });
  parentPort?.postMessage("ready");
}
