// Runs a loop while the table of fds is full, and counts the refusals and the fds that they leak.
import { closeSync } from "node:fs";
import { IOLoop, IOLoopError, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { report } from "../support-child.ts";
import { fill, room } from "../support-fd-table.ts";

async function isRefused(loop: IOLoop): Promise<boolean> {
  try {
    await loop.run();
    return false;
  } catch (error) {
    if (error instanceof IOLoopError && error.code === "EMFILE") return true;
    throw error;
  }
}

async function warmUp(): Promise<void> {
  using loop = new IOLoop();
  loop.callLater(1, () => loop.stop());
  await loop.run();
  await Bun.sleep(20);
}

await warmUp();
const roomBefore = room();
using loop = new IOLoop();
const [reader, writer] = io.pipe();
let served = 0;
loop.addHandler(reader, READ, () => {
  io.read(reader, new Uint8Array(9));
  served++;
  loop.stop();
});
io.write(writer, new Uint8Array(1));

const taken = fill();
let refusals = 0;
let leaked = 0;
let stillRunning = 0;
while (await isRefused(loop)) {
  stillRunning += Number(loop.running());
  leaked += refusals - room();
  refusals++;
  closeSync(taken.pop() ?? -1);
}

loop.close();
for (const fd of [...taken, reader, writer]) closeSync(fd);
await Bun.sleep(50);
report({ refusals, leaked, stillRunning, served, left: roomBefore - room() });
