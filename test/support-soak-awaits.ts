import { MessageChannel } from "node:worker_threads";
import { EDGE, IOLoopError, READ, WRITE, wake } from "../src/index.ts";
import * as io from "../src/io.ts";
import { poke } from "./support.ts";
import type { Churn, Soak } from "./support-soak-context.ts";

const LANES = 4;
const WAIT_MOST_MS = 12;
const FOREVER_MS = 60_000;

/** Waits of every kind that come true, run out of time, are aborted or are taken back; streams that are left early. */
export class Awaits implements Churn {
  readonly name = "awaits";

  async lap(soak: Soak): Promise<void> {
    const lane = async (): Promise<void> => {
      while (!soak.over) {
        const kind = KINDS[soak.pick(KINDS.length)] as (typeof KINDS)[number];
        soak.totals.awaits++;
        await soak.expect(withPair(soak, kind), kind.name);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }
}

type Kind = (soak: Soak, near: number, far: number) => Promise<void>;

const KINDS: readonly Kind[] = [
  sleeps,
  abortedSleep,
  ready,
  timeOut,
  abortedWait,
  removedWait,
  leftEarly,
  closedEarly,
  woken,
  posted,
];

async function withPair(soak: Soak, kind: Kind): Promise<void> {
  const [near, far] = io.socketpair();
  try {
    await kind(soak, near, far);
  } finally {
    // Whatever has ended has left nothing.
    soak.check(!soak.loop.removeHandler(near), () => `${kind.name} left a handler`);
    for (const fd of [near, far]) io.close(fd);
  }
}

async function sleeps(soak: Soak): Promise<void> {
  const { loop } = soak;
  const ms = soak.pick(WAIT_MOST_MS);
  const began = loop.time();
  await loop.sleep(ms, { signal: soak.lasting });
  soak.check(loop.time() - began >= ms, () => `a sleep of ${ms} ms lasted ${loop.time() - began}`);
}

async function abortedSleep(soak: Soak): Promise<void> {
  await aborted(soak, (signal) => soak.loop.sleep(FOREVER_MS, { signal }));
}

async function ready(soak: Soak, near: number, far: number): Promise<void> {
  const { loop } = soak;
  if (soak.chance(2)) loop.callLater(soak.pick(WAIT_MOST_MS), () => poke(far));
  else poke(far);
  const signal = soak.lasting;
  const [readable, writable] = await Promise.all([
    loop.readable(near, soak.chance(2) ? { signal } : { timeout: FOREVER_MS }),
    loop.writable(near),
  ]);
  soak.check((readable & READ) !== 0, () => `readable came with ${readable}`);
  soak.check((writable & WRITE) !== 0, () => `writable came with ${writable}`);
}

async function timeOut(soak: Soak, near: number): Promise<void> {
  const timeout = soak.pick(WAIT_MOST_MS);
  const began = soak.loop.time();
  const reason = await reasonOf(soak.loop.readable(near, { timeout }));
  soak.check(nameOf(reason) === "TimeoutError", () => `a timeout rejected with ${reason}`);
  soak.check(soak.loop.time() - began >= timeout, () => `a timeout of ${timeout} ms came early`);
}

async function abortedWait(soak: Soak, near: number): Promise<void> {
  await aborted(soak, (signal) => soak.loop.readable(near, { signal }));
}

async function removedWait(soak: Soak, near: number): Promise<void> {
  const waiting = reasonOf(soak.loop.readable(near));
  soak.loop.callLater(soak.pick(WAIT_MOST_MS), () => soak.loop.removeHandler(near));
  const reason = await waiting;
  const code = reason instanceof IOLoopError ? reason.code : "";
  soak.check(code === "ECANCELED", () => `a removed wait rejected with ${reason}`);
}

/** A consumer of events that leaves the loop over them. */
async function leftEarly(soak: Soak, near: number, far: number): Promise<void> {
  const { loop } = soak;
  const most = 1 + soak.pick(4);
  const byte = new Uint8Array(1);
  let heard = 0;
  const mask = soak.chance(2) ? READ : READ | EDGE;
  poke(far);
  for await (const events of loop.events(near, mask, { signal: soak.lasting })) {
    soak.check((events & READ) !== 0, () => `a stream for READ gave ${events}`);
    io.read(near, byte);
    if (++heard === most) break;
    loop.callLater(soak.pick(3), () => poke(far));
  }
  soak.check(heard === most, () => `a stream ended after ${heard} events`);
}

/** The peer closes: the consumer hears of it, and reads the end of the file. */
async function closedEarly(soak: Soak): Promise<void> {
  const [reader, writer] = io.pipe();
  soak.loop.callLater(soak.pick(WAIT_MOST_MS), () => io.close(writer));
  for await (const _events of soak.loop.events(reader, READ)) break;
  soak.check(io.read(reader, new Uint8Array(1)) === 0, () => "a pipe without a writer goes on");
  io.close(reader);
}

/** A waker of its own, and a port: each wake is heard, and each message once and in order. */
async function woken(soak: Soak): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const waker = soak.loop.waker(resolve);
  soak.check(waker.wake(), () => "a waker could not wake its loop");
  await promise;
  waker.close();
  soak.check(!wake(waker.id), () => "a closed waker can be woken");
}

async function posted(soak: Soak): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { port1: near, port2: far } = new MessageChannel();
  const count = 1 + soak.pick(8);
  let next = 0;
  const id = soak.loop.addPort(near, (number) => {
    soak.check(number === next++, () => `message ${number} came in place of ${next - 1}`);
    if (next === count) resolve();
  });
  for (let number = 0; number < count; number++) far.postMessage(number);
  if (soak.chance(2)) wake(id);
  await promise;
  soak.check(soak.loop.removePort(near), () => "a port was gone before it was removed");
  far.close();
  near.close();
}

async function aborted(soak: Soak, wait: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  const waiting = reasonOf(wait(controller.signal));
  const because = new Error("enough");
  soak.loop.callLater(soak.pick(WAIT_MOST_MS), () => controller.abort(because));
  const reason = await waiting;
  soak.check(reason === because, () => `an abort rejected with ${reason}`);
}

function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => `no reason, but resolved with ${value}`,
    (reason) => reason,
  );
}

function nameOf(reason: unknown): string {
  return reason instanceof Error || reason instanceof DOMException ? reason.name : "";
}
