// A Worker with a hosted loop: serves a pipe beside Bun's timers, or with 0 rounds sleeps until it is ended.
import { parentPort, workerData } from "node:worker_threads";
import { IOLoop, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";

const { rounds, reader, writer } = workerData as Readonly<Record<string, number>>;
if (rounds === undefined || reader === undefined || writer === undefined)
  throw new Error("no data");
const loop = new IOLoop();
const counts = { events: 0, beats: 0, ticks: 0 };
loop.addHandler(reader, READ, () => {
  io.read(reader, new Uint8Array(64));
  counts.events++;
});
loop.callLater(3_600_000, () => {});
const ended = loop.run();
parentPort?.postMessage("ready");

if (rounds > 0) {
  loop.setInterval(1, () => counts.beats++);
  const ticks = setInterval(() => {
    counts.ticks++;
    io.write(writer, new Uint8Array(1));
    const { events, beats } = counts;
    if (Math.min(events, beats, counts.ticks) < rounds) return;
    clearInterval(ticks);
    loop.stop();
  }, 1);
}
await ended;
loop.close();
parentPort?.postMessage(Math.min(counts.events, counts.beats, counts.ticks));
