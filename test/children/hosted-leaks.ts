// Opens, runs and closes a thousand hosted loops, each to another end, and counts the fds and threads that are left.
import { IOLoop, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { openFds, threadNames } from "../support.ts";
import { report } from "../support-child.ts";

const ROUNDS = 1000;
const TOGETHER = 10;
const SETTLE_MS = 5000;

const [reader, writer] = io.pipe();
io.write(writer, new Uint8Array(1));

/** How many threads have the name of this program, as those without one of their own: Bun's own have one. */
function threads(): number {
  const names = threadNames();
  return names.filter((name) => name === names[0]).length;
}

function fail(): never {
  throw new Error("leaves the run");
}

let ends = 0;

async function openRunAndClose(round: number): Promise<void> {
  const loop = new IOLoop({ onError: fail });
  loop.addHandler(reader, READ, () => {
    const kind = round % 8;
    if (kind === 0) loop.stop();
    if (kind === 1) loop.close();
    if (kind === 2) fail();
    if (kind > 2) loop.removeHandler(reader);
    if (kind === 4) loop.callLater(0.5, () => loop.close());
    if (kind === 5) setImmediate(() => loop.close());
    if (kind === 6) setTimeout(() => loop.stop(), 1);
  });
  const ended = loop.run();
  if (round % 8 === 3) loop.close();
  if (round % 8 === 7) loop.unref().stop();
  await ended.catch(() => {});
  if (loop.running()) throw new Error("still running");
  loop.close();
  ends++;
}

async function run(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += TOGETHER) {
    const together = Array.from({ length: TOGETHER }, (_, index) => openRunAndClose(round + index));
    await Promise.all(together);
  }
}

await run(40);
await Bun.sleep(100);
const before = [openFds(), threads()] as const;
await run(ROUNDS);
const left = (): [number, number] => [openFds() - before[0], threads() - before[1]];
const limit = performance.now() + SETTLE_MS;
while (left().some((count) => count > 0) && performance.now() < limit) await Bun.sleep(10);
const [fdsLeft, threadsLeft] = left();
report({ ends, fdsLeft: Math.max(fdsLeft, 0), threadsLeft: Math.max(threadsLeft, 0) });
