// Opens loops while the table of fds is full, and counts the refusals and the fds that they leak.
import { closeSync } from "node:fs";
import { IOLoop, IOLoopError } from "../../src/index.ts";
import { report } from "../support-child.ts";
import { fill, room } from "../support-fd-table.ts";

function isRefused(attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch (error) {
    if (error instanceof IOLoopError && error.code === "EMFILE") return true;
    throw error;
  }
}

// The library is in memory from the first loop on.
new IOLoop().close();
const roomBefore = room();
const taken = fill();
const free = (): void => closeSync(taken.pop() ?? -1);

let refusals = 0;
let leaked = 0;
while (isRefused(() => new IOLoop().close())) {
  leaked += refusals - room();
  refusals++;
  free();
}

const loop = new IOLoop();
const fdRefused = Number(isRefused(() => loop.fd));
leaked += room();
free();
const exposed = loop.fd;
const fdOpened = Number(exposed > 0 && exposed === loop.fd);
const opened = Number(loop.runOnce(0) === 0);
loop.close();

for (const fd of taken) closeSync(fd);
report({ refusals, leaked, opened, fdRefused, fdOpened, left: roomBefore - room() });
