// A Worker of terminate.ts: sleeps in a loop that nothing wakes, and says which thread it is.
import { readlinkSync } from "node:fs";
import { IOLoop } from "../../src/index.ts";

declare const self: Worker;

const loop = new IOLoop({ maxWait: Number.POSITIVE_INFINITY });
loop.callLater(60_000, () => loop.stop());
// Where this thread stands in /proc, which Linux alone has: <process>/task/<thread>
const onLinux = process.platform === "linux";
self.postMessage(onLinux ? readlinkSync("/proc/thread-self").split("/").at(-1) : "");
loop.start();
