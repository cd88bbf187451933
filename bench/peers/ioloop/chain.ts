// libevent's benchmark: of PAIRS socket pairs, each handler reads a byte and writes one to the next pair, while writes are
// left; ACTIVE bytes are on their way at a time, and a round has WRITES more. Usage: chain.ts PAIRS ACTIVE WRITES MS
import { IOLoop, READ } from "bun-ioloop";
import { read, socketpair, write } from "bun-ioloop/io";
import { measureRounds, numbers } from "../measure.mjs";

const [count, active, writes, ms] = numbers() as [number, number, number, number];
const loop = new IOLoop();
const byte = new Uint8Array(1);
const writers: number[] = [];
let writesLeft = 0;
let bytesRead = 0;

function pass(next: number, fd: number): void {
  bytesRead += read(fd, byte);
  if (writesLeft > 0) {
    writesLeft--;
    write(writers[next] as number, byte);
  }
  if (bytesRead === active + writes) loop.stop();
}

for (let index = 0; index < count; index++) {
  const [reader, writer] = socketpair();
  writers.push(writer);
  loop.addHandler(reader, READ, pass, (index + 1) % count);
}

measureRounds(ms, () => {
  bytesRead = 0;
  writesLeft = writes;
  const space = Math.floor(count / active);
  for (let index = 0; index < active; index++) write(writers[index * space] as number, byte);
  loop.start();
  return bytesRead;
});
