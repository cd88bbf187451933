// A Worker of loops-on-threads.ts: makes, serves and closes loops, and says how that went.
import { IOLoop, instance, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";

declare const self: Worker;

const fresh = instance().pollTimeout() === Number.POSITIVE_INFINITY;
const loops = Array.from({ length: 10 }, () => new IOLoop());
let served = 0;
for (const loop of loops) {
  const [reader, writer] = io.pipe();
  loop.addHandler(reader, READ, () => {
    served++;
    loop.stop();
  });
  loop.callLater(5000, () => loop.stop());
  io.write(writer, new Uint8Array(1));
  loop.start();
  loop.close();
  io.close(reader);
  io.close(writer);
}
instance().close();
self.postMessage({ served, closed: loops.filter(({ closed }) => closed).length, fresh });
