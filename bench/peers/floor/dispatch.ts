// The least that a loop in TypeScript can cost that runs the microtasks after each handler: the native wait, a table of
// functions, and drainMicrotasks(); or with DRAINS of 0 without that. Usage: dispatch.ts READY DRAINS MS
import { drainMicrotasks } from "bun:jsc";
import { RECORD_FD, RECORD_WORDS } from "../../../src/abi.ts";
import { READ } from "../../../src/events.ts";
import { socketpair, write } from "../../../src/io.ts";
import { Poller } from "../../../src/poller.ts";
import { measureRounds, numbers } from "../measure.mjs";

const WAITS_PER_ROUND = 500;
const GENERATION = 1 << 8;
const [ready, drains, ms] = numbers() as [number, number, number];
const poller = new Poller(1024, 0);
const { records } = poller;
const handlers: (() => void)[] = [];
let events = 0;

function count(): void {
  events++;
}

for (let index = 0; index < ready; index++) {
  const [reader, writer] = socketpair();
  write(writer, new Uint8Array(1));
  poller.add(reader, GENERATION | READ);
  while (handlers.length <= reader) handlers.push(count);
}

function dispatch(): void {
  const found = poller.wait(0);
  for (let at = 0; at < found; at++) {
    const handler = handlers[records[at * RECORD_WORDS + RECORD_FD] as number] as () => void;
    handler();
    if (drains === 1) drainMicrotasks();
  }
}

measureRounds(ms, () => {
  events = 0;
  for (let left = WAITS_PER_ROUND; left > 0; left--) dispatch();
  return events;
});
