import { ONESHOT, READ, WRITE } from "../src/index.ts";
import { maskOf, type Operation, SLOTS, updatedMaskOf } from "./support-model-program.ts";
import { WORKS } from "./support-model-runs.ts";
import type { StreamedSubject } from "./support-model-streams.ts";
import type { Script } from "./support-model-subject.ts";
import type { World } from "./support-model-world.ts";

interface Circumstances {
  readonly world: World;
  readonly subject: StreamedSubject;
  /** The number of the loop. */
  readonly on: number;
  readonly slot: number;
  readonly value: number;
  /** What is called for it, if anything is. */
  readonly script: Script;
}

const DELAYS_MS = [0, 0, -5, 0.05, 0.1, 1e7];
const WALL_DELAYS_MS = [-5, -5, 0, 1e7];
const PERIODS_MS = [0.02, 0.1, 1e7];
/** How long `runUntil` and awaited fds are given. */
const LIMITS_MS = [undefined, 1e7, undefined, 1e6];
const TIMEOUTS_MS = [undefined, undefined, 0, 0.05, 1e7];
const STREAM_MASKS = [READ, READ | WRITE, WRITE, READ | ONESHOT, WRITE | ONESHOT];

/** What each operation of a program does to the world. */
export const DEEDS: Readonly<Record<Operation, (circumstances: Circumstances) => void>> = {
  runOnce: ({ world, subject }) => world.run(subject, "runOnce(0)", () => subject.runOnce()),
  runOnceWaiting: ({ world, subject }) => {
    world.run(subject, "runOnce(5)", () => subject.runOnceWaiting());
  },
  start: ({ world, subject, value }) => {
    world.run(subject, "start", () => subject.start((value % 3) + 1));
  },
  runUntil: ({ world, subject, value, script }) => {
    const passes = (Math.floor(value / WORKS.length) % 3) + 1;
    const [work, limit] = [pick(WORKS, value), pick(LIMITS_MS, value)];
    world.run(subject, "runUntil", () => subject.runUntil(work, passes, limit, script));
  },
  stop: ({ subject }) => subject.stop(),
  close: ({ world, on, value }) => world.close(on, value),

  add: ({ world, subject, slot, value, script }) => {
    const file = world.unwatched(subject, slot, value);
    if (file === undefined) return;
    // Some are registered as objects: both are one key.
    const target = slot % 2 === 0 ? file.near : { fd: file.near };
    subject.add(file, target, maskOf(value), script);
  },
  update: ({ world, subject, slot, value }) => {
    const fd = world.watched(subject, slot, value);
    if (fd !== undefined) subject.update(fd, updatedMaskOf(value));
  },
  blink: ({ world, subject, slot, value }) => {
    const fd = subject.model.due[0]?.fd ?? world.watched(subject, slot, value);
    if (fd !== undefined) subject.blink(fd);
  },
  remove: ({ world, subject, slot, value }) => {
    const fd = world.watched(subject, slot, value);
    if (fd !== undefined) subject.remove(fd);
  },

  write: ({ world, slot }) => world.stir(slot, (file) => file.write()),
  flood: ({ world }) => {
    for (let slot = 0; slot < SLOTS; slot++) world.stir(slot, (file) => file.write());
  },
  empty: ({ world, slot }) => world.stir(slot, (file) => file.empty()),
  closeFar: ({ world, slot }) => world.stir(slot, (file) => file.closeFar()),
  drain: ({ world, slot }) => world.file(slot).drain(),
  fill: ({ world, slot }) => world.file(slot).fill(),
  reopen: ({ world, slot, value }) => world.reopen(slot, value),

  callback: ({ subject, script }) => subject.addCallback(script),
  later: ({ subject, value, script }) => {
    subject.addTimeout("later", pick(DELAYS_MS, value), script);
  },
  at: ({ world, subject, value, script }) => {
    subject.addTimeout("at", world.start + (value % 4) / 5, script);
  },
  wall: ({ subject, value, script }) => {
    subject.addTimeout("wall", Date.now() + pick(WALL_DELAYS_MS, value), script);
  },
  interval: ({ subject, value, script }) => subject.addInterval(pick(PERIODS_MS, value), script),
  cancel: ({ subject, value }) => subject.cancel(Math.floor(value / 3), value % 3 === 0),

  waker: ({ subject, value, script }) => {
    subject.openWaker(script);
    if (value % 2 === 0) subject.wake(false);
  },
  wake: ({ subject, value }) => subject.wake(value % 2 === 0),
  closeWaker: ({ subject }) => subject.closeWaker(),

  ready: ({ world, subject, slot, value, script }) => {
    const file = world.unwatched(subject, slot, value);
    if (file === undefined) return;
    const direction = file.kind === "reader" || value % 2 === 0 ? "readable" : "writable";
    subject.ready(file, direction, pick(TIMEOUTS_MS, value), slot % 2 === 0, script);
  },
  sleep: ({ subject, slot, value, script }) => {
    subject.sleep(pick(DELAYS_MS, value), slot % 2 === 0, script);
  },
  abort: ({ subject, value }) => subject.abort(value),

  openStream: ({ world, subject, slot, value, script }) => {
    const file = world.unwatched(subject, slot, value);
    if (file === undefined) return;
    subject.openStream(file, pick(STREAM_MASKS, value));
    subject.ask(-1, script);
  },
  ask: ({ subject, value, script }) => subject.ask(value, script),
  leave: ({ subject, value }) => subject.leave(value, value % 2 === 0),

  look: ({ subject }) => subject.look(),
  measure: ({ subject }) => subject.measure(),
  peek: ({ world, subject }) => world.peek(subject),
};

export function pick<T>(list: readonly T[], value: number): T {
  return list[value % list.length] as T;
}
