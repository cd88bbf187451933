import { describe, expect, test } from "bun:test";
import { IOLoop, type IOLoopOptions, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { TurboIOLoop } from "../src/turbo.ts";
import { Fds, ignore, poke, run, runUntilTrue, testLoop, thrownBy } from "./support.ts";
import { reasonOf } from "./support-awaiting.ts";
import { kqueue, lacks } from "./support-backend.ts";
import { queueOf, wakeFdOf } from "./support-inside.ts";
import { dup2 } from "./support-libc.ts";
import { MODES, runIn } from "./support-modes.ts";
import { Channel } from "./support-ports.ts";
import { expectIOLoopError } from "./support-system.ts";

if (kqueue)
  console.log("kqueue wakes a loop by its queue: the test of a waker's own fd is skipped");

interface Place {
  readonly loop: IOLoop;
  readonly fds: Fds;
  readonly channel: Channel;
}

/** From where a loop is closed: each has `deed` called there once it runs. */
const PLACES: [where: string, arrange: (place: Place, deed: () => void) => void][] = [
  ["a handler", ({ loop, fds }, deed) => loop.addHandler(readable(fds), READ, deed)],
  ["a callback", ({ loop }, deed) => loop.addCallback(deed)],
  ["a timeout", ({ loop }, deed) => loop.callLater(0, deed)],
  ["an interval", ({ loop }, deed) => loop.setInterval(1, deed)],
  ["a microtask", ({ loop }, deed) => loop.addCallback(() => queueMicrotask(deed))],
  ["a tick", ({ loop }, deed) => loop.addCallback(() => process.nextTick(deed))],
  [
    "a signal's handler",
    ({ loop }, deed) => {
      loop.addSignalHandler("SIGUSR2", deed);
      process.kill(process.pid, "SIGUSR2");
    },
  ],
  [
    "a child's handler",
    ({ loop }, deed) => {
      const child = Bun.spawn([process.execPath, "--version"], { stdout: "ignore" });
      loop.addChildHandler(child.pid, deed);
    },
  ],
  ["a waker's callback", ({ loop }, deed) => loop.waker(deed).wake()],
  [
    "a port's handler",
    ({ loop, channel }, deed) => {
      loop.addPort(channel.near, deed);
      channel.far.postMessage("close");
    },
  ],
  [
    "the continuation of readable()",
    ({ loop, fds }, deed) => loop.addCallback(() => loop.readable(readable(fds)).then(deed)),
  ],
  [
    "the continuation of sleep()",
    ({ loop }, deed) => loop.addCallback(() => loop.sleep(0).then(deed)),
  ],
  [
    "a loop over events()",
    ({ loop, fds }, deed) =>
      loop.addCallback(async () => {
        for await (const _ of loop.events(readable(fds), READ)) deed();
      }),
  ],
];

/** Where the options' functions are what closes it. */
const OPTIONS: [where: string, optionsFor: (deed: () => void) => IOLoopOptions][] = [
  ["onError", (onError) => ({ onError })],
  ["onSlow", (onSlow) => ({ slowCallback: 0, onSlow, onError: ignore })],
];

function readable(fds: Fds): number {
  const [reader, writer] = fds.pipe();
  poke(writer);
  return reader;
}

/** Tries every method of a loop that is closed. */
async function useClosed(loop: IOLoop, { fds, channel }: Omit<Place, "loop">): Promise<void> {
  const [fd] = fds.pair();
  const adding: readonly (() => unknown)[] = [
    () => loop.addHandler(fd, READ, ignore),
    () => loop.updateHandler(fd, READ),
    () => loop.addCallback(ignore),
    () => loop.addTimeout(Date.now(), ignore),
    () => loop.callLater(0, ignore),
    () => loop.callAt(0, ignore),
    () => loop.setInterval(1, ignore),
    () => loop.addSignalHandler("SIGUSR2", ignore),
    () => loop.addChildHandler(process.pid, ignore),
    () => loop.addPort(channel.far, ignore),
    () => loop.waker(),
    () => loop.events(fd, READ),
    () => loop.start(),
    () => loop.runOnce(0),
    () => loop.runUntil(ignore),
    () => new TurboIOLoop(loop).add_callback(ignore),
  ];
  for (const attempt of adding) expectIOLoopError(thrownBy(attempt), "ERR_LOOP_CLOSED");
  const removing: readonly boolean[] = [
    loop.removeHandler(fd),
    loop.removeTimeout(1),
    loop.clearInterval(1),
    loop.removeSignalHandler("SIGUSR2"),
    loop.removeChildHandler(process.pid),
    loop.removePort(channel.near),
  ];
  expect(removing).not.toContain(true);
  loop.ref().unref().stop();
  loop.close();
  expect([loop.fd, loop.pollTimeout(), loop.closed]).toEqual([-1, Number.POSITIVE_INFINITY, true]);
  const waiting = [loop.readable(fd), loop.writable(fd), loop.sleep(1), loop.run()];
  for (const reason of await Promise.all(waiting.map(reasonOf))) {
    expectIOLoopError(reason, "ERR_LOOP_CLOSED");
  }
}

describe.each([...MODES])("in %s", (mode) => {
  test.each(PLACES)(
    "a loop that is closed in %s is closed for all that comes after",
    async (_where, arrange) => {
      using fds = new Fds();
      using channel = new Channel();
      const errors: unknown[] = [];
      const loop = new IOLoop({ onError: (error) => errors.push(error) });
      const used: Promise<void>[] = [];
      arrange({ loop, fds, channel }, () => {
        if (loop.closed) return;
        loop.close();
        used.push(useClosed(loop, { fds, channel }));
      });
      await runIn(mode, loop);
      expect(used).toHaveLength(1);
      await used[0];
      await Bun.sleep(0);
      await useClosed(loop, { fds, channel });
      expect(errors).toEqual([]);
    },
  );

  test.each(OPTIONS)(
    "a loop that is closed in %s is closed for all that comes after",
    async (_where, optionsFor) => {
      using fds = new Fds();
      using channel = new Channel();
      const used: Promise<void>[] = [];
      const loop: IOLoop = new IOLoop(
        optionsFor(() => {
          if (loop.closed) return;
          loop.close();
          used.push(useClosed(loop, { fds, channel }));
        }),
      );
      for (let count = 0; count < 3; count++) {
        loop.addCallback(() => {
          throw new Error("to be told");
        });
      }
      await runIn(mode, loop);
      expect(used).toHaveLength(1);
      await used[0];
    },
  );
});

test.skipIf(lacks("a queue that can be watched"))(
  "a loop whose fd was closed by somebody goes on, or says which fd it misses",
  () => {
    using fds = new Fds();
    const loop = testLoop();
    let heard = 0;
    loop.addHandler(readable(fds), READ, () => heard++);
    io.close(loop.fd);
    try {
      loop.runOnce(0);
      expect(heard).toBe(1);
    } catch (error) {
      expectIOLoopError(error, "EBADF", /for fd \d+ with EBADF/);
    }
    loop.close();
  },
);

test.skipIf(lacks("EBADF for a closed queue"))(
  "a loop whose queue was closed by somebody says so in each kind of run, and can be closed",
  () => {
    using fds = new Fds();
    const loop = testLoop();
    const ready = readable(fds);
    loop.addHandler(ready, READ, ignore);
    const [idle] = fds.pair();
    // From here on nothing is opened: it would get the number.
    io.close(queueOf(loop));
    for (const attempt of [
      () => run(loop),
      () => loop.runOnce(0),
      () => loop.runUntil(() => new Promise(ignore)),
      () => loop.addHandler(idle, READ, ignore),
      () => loop.updateHandler(ready, WRITE),
    ]) {
      expectIOLoopError(thrownBy(attempt), "EBADF");
    }
    expect(loop.removeHandler(ready)).toBeTrue();
    loop.close();
    expect(loop.closed).toBeTrue();
  },
);

test.skipIf(kqueue)("a waker whose fd was closed by somebody wakes nobody, and says so", () => {
  const loop = testLoop();
  const waker = loop.waker();
  io.close(wakeFdOf(loop));
  expect(waker.wake()).toBeFalse();
  loop.runOnce(0);
  loop.close();
});

test("an fd that two loops watch may be closed, and the next file of that number is watched by both", () => {
  using fds = new Fds();
  using first = testLoop();
  using second = testLoop();
  const [a] = fds.pair();
  for (const loop of [first, second]) loop.addHandler(a, READ, ignore);
  fds.close(a);
  for (const loop of [first, second]) {
    loop.runOnce(0);
    expect(loop.removeHandler(a)).toBeTrue();
    expect(loop.removeHandler(a)).toBeFalse();
  }
  const [reader, other] = fds.pair();
  fds.keep(dup2(reader, a));
  let heard = 0;
  poke(other);
  for (const loop of [first, second]) {
    loop.addHandler(a, READ, () => heard++);
    runUntilTrue(loop, () => heard > 0);
    heard = 0;
  }
});

test("a loop that is sent to another thread arrives as an object without anything, and goes on here", async () => {
  using loop = testLoop();
  using channel = new Channel();
  expect(structuredClone(loop)).toEqual({} as IOLoop);
  channel.far.postMessage({ loop, turbo: new TurboIOLoop(loop) } as never);
  const heard: unknown[] = [];
  loop.addPort(channel.near, (message) => {
    heard.push(message);
    loop.stop();
  });
  run(loop);
  expect(heard).toEqual([{ loop: {}, turbo: {} }]);
});

test("a waker cannot be sent to another thread: its id can", () => {
  using loop = testLoop();
  const waker = loop.waker();
  const error = thrownBy(() => structuredClone(waker));
  expect(error).toBeInstanceOf(DOMException);
  expect((error as DOMException).name).toBe("DataCloneError");
  expect(structuredClone(waker.id)).toBe(waker.id);
});
