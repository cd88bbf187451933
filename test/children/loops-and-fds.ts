// Opens and closes a thousand loops, in several ways, and counts the fds that are left.
import { IOLoop, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { openFds } from "../support.ts";
import { lacks } from "../support-backend.ts";
import { report } from "../support-child.ts";

const [reader, writer] = io.pipe();
io.write(writer, new Uint8Array(1));

function openAndClose(round: number): void {
  const loop = new IOLoop();
  loop.addHandler(reader, READ, () => {
    if (round % 3 === 0) loop.close();
    if (round % 3 === 1) throw new Error("leaves the loop");
  });
  loop.callLater(1000, () => {});
  if (round % 2 === 0 && loop.fd < 0) throw new Error("no fd");
  loop.runOnce(0);
  loop.close();
}

/** How many fds are open, once all that were closed are. */
async function countFds(): Promise<number> {
  if (lacks("a close that is done on return")) await Bun.sleep(500);
  return openFds();
}

console.error = () => {};
openAndClose(0);
const before = await countFds();
for (let round = 0; round < 1000; round++) openAndClose(round);
report({ left: (await countFds()) - before });
