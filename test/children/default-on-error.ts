// Fails in every kind of call of a loop that has no onError; its stderr is what the test reads.
import { IOLoop, WRITE } from "../../src/index.ts";
import * as io from "../../src/io.ts";

function failInTheChild(source: string): never {
  throw new Error(`from a ${source}`);
}

using loop = new IOLoop();
const [, writer] = io.pipe();
loop.addHandler(writer, WRITE, () => failInTheChild("handler"));
loop.addCallback(() => failInTheChild("callback"));
loop.addCallback(async () => failInTheChild("rejection"));
loop.callLater(0, () => failInTheChild("timeout"));
const ref = loop.setInterval(1, () => {
  loop.clearInterval(ref);
  failInTheChild("interval");
});
loop.callLater(20, () => {
  console.log("went on");
  loop.stop();
});
loop.start();
