// Serves clients with fewer fds than there are clients, none before the fds have run out, and pauses its listener while
// none is free, or does not: flood-accept.ts <unix> <clients> <pause>
import { writeSync } from "node:fs";
import { IOLoop, IOLoopError, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { report } from "../support-child.ts";

const SERVICE_MS = 100;
const PAUSE_MS = 20;
const GUARD_MS = 15_000;

const [unix = "", count, pause] = process.argv.slice(2);
const clients = Number(count);
const answer = new TextEncoder().encode("served");

using loop = new IOLoop();
const listener = io.listen({ unix, backlog: clients });
/** Accepted, and not served yet. */
const waiting: number[] = [];
let served = 0;
let attempts = 0;
let refusals = 0;
/** Whether they are about to be served. */
let due = false;
/** The time in which every fd is taken, from the first refusal on. */
let full: Full | undefined;
let figures: Readonly<Record<string, number>> | undefined;

interface Full {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
  readonly passes: number;
}

function acceptAll(): void {
  for (;;) {
    const client = accept();
    if (client < 0) break;
    waiting.push(client);
  }
  if (full !== undefined) serveSoon();
}

function serveSoon(): void {
  if (due || waiting.length === 0) return;
  due = true;
  loop.callLater(SERVICE_MS, serveAll);
}

function accept(): number {
  attempts++;
  try {
    return io.accept(listener);
  } catch (error) {
    if (!(error instanceof IOLoopError && error.code === "EMFILE")) throw error;
    refusals++;
    full ??= { at: loop.time(), cpu: process.cpuUsage(), passes: loop.metrics().iterations };
    if (pause === "pause") {
      loop.updateHandler(listener, 0);
      loop.callLater(PAUSE_MS, resume);
    }
    return -1;
  }
}

function resume(): void {
  loop.updateHandler(listener, READ);
}

function serveAll(): void {
  due = false;
  if (full !== undefined) figures ??= endOf(full);
  for (const client of waiting.splice(0)) {
    io.write(client, answer);
    io.close(client);
    served++;
  }
  resume();
  if (served === clients) loop.stop();
}

function endOf({ at, cpu, passes }: Full) {
  const { user, system } = process.cpuUsage(cpu);
  return {
    fullMs: loop.time() - at,
    cpuMs: (user + system) / 1000,
    passes: loop.metrics().iterations - passes,
  };
}

loop.addHandler(listener, READ, acceptAll);
loop.callLater(GUARD_MS, () => loop.stop());
writeSync(1, "ready\n");
loop.start();
report({ served, attempts, refusals, ...figures });
