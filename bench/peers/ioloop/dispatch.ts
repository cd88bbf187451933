// READY fds that are always ready, since nobody reads them, beside IDLE ones that never are. Usage: dispatch.ts READY IDLE MS
import { IOLoop, READ } from "bun-ioloop";
import { socketpair, write } from "bun-ioloop/io";
import { measureRounds, numbers } from "../measure.mjs";

const EVENTS_PER_ROUND = 50_000;
const [ready, idle, ms] = numbers() as [number, number, number];
const loop = new IOLoop();
let events = 0;

function count(): void {
  if (++events === EVENTS_PER_ROUND) loop.stop();
}

for (let index = 0; index < ready; index++) {
  const [reader, writer] = socketpair();
  write(writer, new Uint8Array(1));
  loop.addHandler(reader, READ, count);
}
for (let index = 0; index < idle; index += 2) {
  for (const fd of socketpair()) loop.addHandler(fd, READ, count);
}

measureRounds(ms, () => {
  events = 0;
  loop.start();
  return events;
});
