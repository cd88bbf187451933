// Has the write behind a wake, and those behind a signal, fail; and counts what still comes through.
import { existsSync, readdirSync } from "node:fs";
import type { IOLoop } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { fail, fill, testLoop } from "../support.ts";
import { playScenarios, type Scenario, under } from "../support-faults.ts";
import { wakeFdOf } from "../support-inside.ts";

const scenarios: Record<string, Scenario> = {};

for (const code of ["EAGAIN", "EINTR", "EBADF", "EIO"]) {
  scenarios[`wake ${code}`] = () => {
    using loop = testLoop();
    let called = 0;
    const waker = loop.waker(() => called++);
    const fault = `write:error=${code}:when=1`;
    const { result, hits } = under([fault], () => waker.wake(), { only: wakeFdOf(loop) });
    loop.runOnce(10);
    const first = called;
    const second = waker.wake();
    loop.runOnce(10);
    return { hits, promised: result, first, second, last: called - first };
  };
}

/** The counter is as full as others can make it, and the loop has seen that. */
scenarios["full counter"] = () => {
  using loop = testLoop();
  let called = 0;
  const waker = loop.waker(() => called++);
  const full = new BigUint64Array([0xffff_ffff_ffff_fffen]);
  io.write(wakeFdOf(loop), new Uint8Array(full.buffer));
  loop.runOnce(0);
  const answers: boolean[] = [];
  for (let round = 0; round < 3; round++) {
    answers.push(waker.wake(), waker.wake());
    loop.runOnce(10);
  }
  return { answers, called };
};

/** The ends of the pipe by which a loop hears of signals. */
function addCounted(loop: IOLoop, count: () => void): readonly [reader: number, writer: number] {
  const before = openFdNumbers();
  loop.addSignalHandler("SIGUSR2", count);
  const [first, second, ...others] = openFdNumbers().filter((fd) => !before.includes(fd));
  if (first === undefined || second === undefined || others.length > 0) fail("no pipe");
  // pipe(2) takes the lower number for the end that is read.
  return [first, second];
}

function openFdNumbers(): number[] {
  // One of them is the listing's own, and closed by now.
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => existsSync(`/proc/self/fd/${fd}`));
}

function send(times: number): void {
  for (let sent = 0; sent < times; sent++) process.kill(process.pid, "SIGUSR2");
}

for (const first of [0, 1]) {
  scenarios[`full pipe behind ${first}`] = () => {
    using loop = testLoop();
    let count = 0;
    const [, writer] = addCounted(loop, () => count++);
    send(first);
    fill(writer);
    send(20);
    loop.runOnce(0);
    const whileFull = count;
    send(1);
    loop.runOnce(0);
    return { whileFull, last: count - whileFull, called: loop.runOnce(0) };
  };
}

for (const [end, fault] of [
  ["writer", "write:error=EAGAIN:when=2+"],
  ["reader", "read:error=EINTR:when=1"],
  ["reader", "read:error=EIO:when=1"],
] as const) {
  scenarios[`signals ${fault}`] = () => {
    using loop = testLoop();
    let count = 0;
    const [reader, writer] = addCounted(loop, () => count++);
    const only = end === "writer" ? writer : reader;
    const { hits } = under(
      [fault],
      () => {
        send(10);
        loop.runOnce(0);
      },
      { only },
    );
    loop.runOnce(0);
    return { hits, count, called: loop.runOnce(0) };
  };
}

await playScenarios(scenarios);
