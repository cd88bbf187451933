// Makes loops with signal handlers by the hundred, and as many as there may be.
import type { IOLoop, IOLoopError } from "../../src/index.ts";
import { ignore, openFds, testLoop } from "../support.ts";
import { report } from "../support-child.ts";

testLoop().close();
const before = openFds();
for (let round = 0; round < 100; round++) {
  using loop = testLoop();
  loop.addSignalHandler("SIGUSR2", ignore);
  loop.addSignalHandler("SIGUSR1", ignore);
  if (round % 2 === 0) loop.removeSignalHandler("SIGUSR1");
}
const left = openFds() - before;

const loops: IOLoop[] = [];
let refused = 0;
for (let count = 0; count < 300 && refused === 0; count++) {
  const loop = testLoop();
  loops.push(loop);
  try {
    loop.addSignalHandler("SIGUSR2", ignore);
  } catch (error) {
    refused = Number((error as IOLoopError).code === "ENOSPC");
  }
}
loops[0]?.close();
const room = Number(loops.at(-1)?.addSignalHandler("SIGUSR2", ignore));
for (const loop of loops) loop.close();
report({ left, refused, room });
