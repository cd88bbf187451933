import { expect, test } from "bun:test";
import { Core } from "../src/core.ts";
import { WRITE } from "../src/events.ts";
import { resolveOptions } from "../src/options.ts";
import { wake } from "../src/wakers.ts";
import { COUNT, openGate } from "./children/worker-gate.ts";
import { Fds, thrownBy } from "./support.ts";
import { lacks } from "./support-backend.ts";
import {
  expectIOLoopError,
  openWaker,
  startWorkers,
  takeWake,
  testPoller,
  timed,
} from "./support-system.ts";

/** A wait that a wake must end. Half of it is far more than a busy machine needs to notice the wake. */
const LONG_MS = 3000;

test("a wake from a Worker ends a blocked wait of the main thread's loop", async () => {
  const core = new Core(resolveOptions({}));
  try {
    const cells = new Int32Array(new SharedArrayBuffer(8));
    await using _workers = await startWorkers(1, "waker.ts", {
      cells,
      id: openWaker(core.poller),
      wakes: 1,
      delayMs: 30,
    });
    openGate(cells);
    let called = -1;
    const waited = timed(() => {
      called = core.runOnce(LONG_MS);
    });
    expect(waited).toBeLessThan(LONG_MS / 2);
    expect(called).toBe(0);
    expect(Atomics.load(cells, COUNT)).toBe(1);
  } finally {
    core.close();
  }
});

test("a wake before the wait ends it at once", () => {
  using poller = testPoller();
  wake(openWaker(poller));
  const waited = timed(() => expect(poller.wait(LONG_MS)).toBe(0));
  expect(waited).toBeLessThan(LONG_MS / 2);
});

test("a wake ends a wait that polls busily before it sleeps", () => {
  using poller = testPoller({ spinUs: 1000 });
  wake(openWaker(poller));
  const waited = timed(() => expect(poller.wait(LONG_MS)).toBe(0));
  expect(waited).toBeLessThan(LONG_MS / 2);
});

test("many wakes merge into one, and after it the next wait sleeps", () => {
  using poller = testPoller();
  const ids = Array.from({ length: 10 }, () => openWaker(poller));
  for (let round = 0; round < 100; round++) {
    for (const id of ids) expect(wake(id)).toBeTrue();
  }
  expect(timed(() => poller.wait(LONG_MS))).toBeLessThan(LONG_MS / 2);
  expect(timed(() => poller.wait(20))).toBeGreaterThanOrEqual(20);
});

test("of 100,000 wakes from each of 8 Workers none is lost", async () => {
  using poller = testPoller();
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const id = openWaker(poller);
  const wakes = 100_000;
  await using _workers = await startWorkers(8, "waker.ts", { cells, id, wakes, delayMs: 0 });
  openGate(cells);
  let seen = 0;
  while (seen < 8 * wakes) {
    // A count that rose before this wait has a wake behind it, which must end the wait.
    const waited = timed(() => expect(poller.wait(LONG_MS)).toBe(0));
    expect(waited).toBeLessThan(LONG_MS);
    takeWake(id);
    seen = Atomics.load(cells, COUNT);
  }
  expect(seen).toBe(8 * wakes);
}, 15_000);

test("100 wakes beside 1000 ready fds are never shown to a handler", () => {
  using fds = new Fds();
  const core = new Core(resolveOptions({ maxEvents: 300 }));
  try {
    const told = new Set<number>();
    const watched = new Set<number>();
    for (let pair = 0; pair < 500; pair++) {
      for (const fd of fds.pair()) {
        watched.add(fd);
        core.handlers.add(fd, fd, WRITE, (ready) => told.add(ready as number), undefined);
      }
    }
    let calls = 0;
    for (let round = 0; round < 100; round++) {
      wake(openWaker(core.poller));
      if (round % 10 === 9) calls += core.runOnce(0);
    }
    // Ten batches of up to 300 go round all 1000 fds, and a wake takes one place of a batch.
    expect(calls).toBeWithin(10 * 299, 10 * 300 + 1);
    expect(told).toEqual(watched);
    expect(core.handlers.registrations.dropped).toBe(0);
  } finally {
    core.close();
  }
});

test("a closed poller is neither woken nor waits", () => {
  const poller = testPoller();
  const id = openWaker(poller);
  poller.close();
  expect(wake(id)).toBeFalse();
  for (const timeoutMs of [0, 1]) {
    expectIOLoopError(
      thrownBy(() => poller.wait(timeoutMs)),
      lacks("EBADF for a closed queue") ? "ENOENT" : "EBADF",
    );
  }
  poller.close();
});
