import { readFileSync } from "node:fs";
import { type IOLoop, READ, WRITE } from "../src/index.ts";
import { type Fds, fail, ignore, testLoop } from "./support.ts";
import { makeGhost, Rest } from "./support-ghosts.ts";
import { ASLEEP_MS, runHosted, type Way } from "./support-hosted.ts";
import { queueOf } from "./support-inside.ts";
import { dup, dup2 } from "./support-libc.ts";
import { runIn } from "./support-modes.ts";
import type { Neighbours } from "./support-neighbours.ts";
import { watch } from "./support-watch.ts";

const REST_MS = 120;
const LIMIT_MS = 4000;

/** Leaves one ghost, always ready, of a handler that was removed; returns how it is tidied up, where it must be. */
type Form = (loop: IOLoop, fds: Fds, neighbours: Neighbours) => (() => void) | undefined;

/** In how many ways an open file outlives its number. */
export const FORMS: Readonly<Record<string, Form>> = {
  "lives on under a duplicate"(loop, fds) {
    makeGhost(loop, fds);
    return undefined;
  },
  "lives on in a child process that inherited it"(loop, fds) {
    const [a] = fds.pair();
    watch(loop, a, WRITE);
    const child = Bun.spawn(["sleep", "60"], { stdio: [a, "ignore", "ignore"] });
    // Until then it has the loops' own queues as well, which are closed just before it gets its name.
    if (process.platform === "linux") {
      const limit = performance.now() + LIMIT_MS;
      while (!readFileSync(`/proc/${child.pid}/comm`, "utf8").startsWith("sleep")) {
        if (performance.now() > limit) fail("the child does not become sleep");
      }
    }
    fds.close(a);
    loop.removeHandler(a);
    return () => child.kill("SIGKILL");
  },
  "lives on beside a copy of the loop's own queue, as in a child that only forked"(loop, fds) {
    fds.keep(dup(queueOf(loop)));
    makeGhost(loop, fds);
    return undefined;
  },
  "has lost its number to another one"(loop, fds, neighbours) {
    const [a] = fds.pair();
    watch(loop, a, WRITE);
    fds.keep(dup(a));
    const [other, peer] = fds.pair();
    dup2(other, a);
    loop.removeHandler(a);
    neighbours.adopt("under the number of the ghost", a, peer);
    return undefined;
  },
  "has lost its number to an older one that dup2 put back"(loop, fds, neighbours) {
    const [a, peer] = fds.pair();
    watch(loop, a, READ);
    const older = fds.keep(dup(a));
    const [other] = fds.pair();
    dup2(other, a);
    loop.updateHandler(a, WRITE);
    dup2(older, a);
    // The kernel removes the older one's entry, by its number: the other one's stays.
    loop.removeHandler(a);
    neighbours.adopt("put back under its number", a, peer);
    return undefined;
  },
};

/**
 * Haunts a loop between two advances of its neighbours, goes on until those are through, and then has the loop rest.
 * Fails when it does not.
 */
type Driver = (loop: IOLoop, haunt: () => void, advance: () => boolean) => Promise<void>;

/** The ways in which a loop can run meanwhile. */
export const DRIVERS: Readonly<Record<string, Driver>> = {
  "start()": (loop, haunt, advance) => drive([loop], haunt, advance),

  async "runOnce()"(loop, haunt, advance) {
    advance();
    haunt();
    const limit = performance.now() + LIMIT_MS;
    while (!advance()) {
      if (performance.now() > limit) fail("the neighbours do not hear");
      loop.runOnce(0);
    }
    const rest = new Rest(loop);
    const end = performance.now() + REST_MS;
    while (performance.now() < end) loop.runOnce(10);
    rest.expectSleep();
    // A wait that was stretched to the end is not followed by what came due meanwhile.
    loop.runOnce(0);
  },

  "run(), asleep in the kernel": (loop, haunt, advance) => host("kernel", loop, haunt, advance),
  "run(), asleep in a thread": (loop, haunt, advance) => host("thread", loop, haunt, advance),

  async "start() of a loop that watches it"(inner, haunt, advance) {
    using outer = testLoop();
    const { fd } = inner;
    outer.addHandler(inner, READ, () => inner.runOnce(0));
    await drive([outer, inner], haunt, advance);
    // Its timer, which its fd does not tell of.
    inner.runOnce(0);
    if (inner.fd !== fd) fail("the watched loop has another fd");
    outer.removeHandler(inner);
  },
};

/** Each pass of the first loop is an advance. */
async function drive(
  loops: readonly [IOLoop, ...IOLoop[]],
  haunt: () => void,
  advance: () => boolean,
): Promise<void> {
  const [loop] = loops;
  let rest: Rest | undefined;
  advance();
  haunt();
  loop.addCallback(function next() {
    if (!advance()) {
      loop.addCallback(next);
      return;
    }
    rest = new Rest(...loops);
    loop.callLater(REST_MS, () => loop.stop());
  });
  await runIn("start()", loop);
  rest?.expectSleep();
}

/** The ghost comes while the loop sleeps, which it does between the advances too. */
async function host(
  way: Way,
  loop: IOLoop,
  haunt: () => void,
  advance: () => boolean,
): Promise<void> {
  const ended = runHosted(loop, way);
  // Its failure is told at the end.
  ended.catch(ignore);
  try {
    await Bun.sleep(ASLEEP_MS);
    advance();
    haunt();
    const limit = performance.now() + LIMIT_MS;
    while (!advance()) {
      if (performance.now() > limit) fail("the neighbours do not hear");
      await Bun.sleep(2);
    }
    await Bun.sleep(ASLEEP_MS);
    const rest = new Rest(loop);
    await Bun.sleep(REST_MS);
    rest.expectSleep();
  } finally {
    loop.stop();
    await ended;
  }
}
