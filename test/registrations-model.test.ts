import { describe, expect, test } from "bun:test";
import { constants } from "node:os";
import fc from "fast-check";
import { GENERATION_MAX } from "../src/abi.ts";
import { EDGE, ERROR, ONESHOT, PRI, READ, WRITE } from "../src/events.ts";
import { FAILED, HUNG_UP } from "./support-events.ts";
import { Tally } from "./support-model-check.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";
import { World } from "./support-registrations-model.ts";
import { seedOfRun } from "./support-seed.ts";

const { ENOMEM, ENOSPC } = constants.errno;

/** How many sequences come to everything for sure. */
const ENOUGH = 1500;

const OUTCOMES = {
  epoll: ["told", "dropped", "ghosts", "refused", "resets", "rearmed", "outdated"],
  // It tells nothing of what it has let go of, so that little is outdated.
  kqueue: ["told", "dropped", "ghosts", "refused", "resets", "rearmed"],
};

/** What a program, its files or the kernel does, at rest or while an iteration runs. */
type Action =
  | { readonly type: "add" | "update"; readonly fd: number; readonly mask: number }
  | { readonly type: "remove" | "open" | "close" | "share" | "release"; readonly fd: number }
  | { readonly type: "duplicate"; readonly fd: number; readonly number: number }
  | { readonly type: "happen" | "end"; readonly fd: number; readonly events: number }
  | { readonly type: "refuse"; readonly refusals: readonly number[] };

/** One iteration: each of `during` comes before the record of its number, `after` behind the last. */
interface Iteration {
  readonly before: readonly Action[];
  readonly during: readonly { readonly at: number; readonly action: Action }[];
  readonly after: readonly Action[];
  /** Who is paused before the first record, and resumed behind the last. */
  readonly paused: number | undefined;
  /** The most records of a wait. */
  readonly most: number;
  /** How many records are dispatched before an error breaks the batch off. */
  readonly until: number;
}

type Step = { readonly action: Action } | { readonly iteration: Iteration };

// The last two are beyond the first capacity of the table.
const fd = fc.constantFrom(3, 4, 300, 1000);
const mask = fc.constantFrom(
  ...[READ, WRITE, READ | WRITE, READ | WRITE | PRI, READ | ERROR, ERROR, PRI, 0, 0],
  ...[READ | ONESHOT, WRITE | ONESHOT, READ | EDGE, READ | WRITE | EDGE],
  ...[ERROR | ONESHOT, ERROR | EDGE, EDGE, ONESHOT],
);
const events = fc.constantFrom(READ, WRITE, READ | WRITE, PRI, FAILED, HUNG_UP, READ | HUNG_UP);
const refusals = fc.array(fc.constantFrom(0, ENOMEM, ENOSPC), { minLength: 1, maxLength: 4 });

function of<T extends string>(...types: T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...types);
}

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: of("add"), fd, mask }) },
  { weight: 8, arbitrary: fc.record({ type: of("update"), fd, mask }) },
  { weight: 3, arbitrary: fc.record({ type: of("remove", "close", "share"), fd }) },
  { weight: 3, arbitrary: fc.record({ type: of("open"), fd }) },
  { weight: 1, arbitrary: fc.record({ type: of("release"), fd }) },
  { weight: 1, arbitrary: fc.record({ type: of("duplicate"), fd, number: fd }) },
  { weight: 6, arbitrary: fc.record({ type: of("happen", "happen", "end"), fd, events }) },
  { weight: 1, arbitrary: fc.record({ type: of("refuse"), refusals }) },
);
const actions = fc.array(action, { maxLength: 3 });
const iteration: fc.Arbitrary<Iteration> = fc.record({
  before: actions,
  during: fc.array(fc.record({ at: fc.nat({ max: 4 }), action }), { maxLength: 5 }),
  after: actions,
  paused: fc.option(fd, { nil: undefined, freq: 3 }),
  most: fc.constantFrom(1, 2, 8, 8, 8),
  until: fc.constantFrom(0, 1, 2, 8, 8, 8, 8),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ action }) },
  { weight: 2, arbitrary: fc.record({ iteration }) },
);

function act(world: World, action: Action): void {
  const { queue } = world;
  const file = "fd" in action ? queue.table.get(action.fd) : undefined;
  if (action.type === "add") world.add(action.fd, action.mask);
  else if (action.type === "update") world.update(action.fd, action.mask);
  else if (action.type === "remove") world.remove(action.fd);
  else if (action.type === "open") queue.open(action.fd);
  else if (action.type === "close") world.close(action.fd);
  else if (action.type === "duplicate") world.duplicate(action.fd, action.number);
  else if (action.type === "refuse") queue.refusals = [...action.refusals];
  else if (file === undefined) return;
  else if (action.type === "happen") queue.happen(file, action.events);
  else if (action.type === "end") file.ready &= ~action.events;
  else queue.share(file, action.type === "share");
}

function iterate(world: World, iteration: Iteration): void {
  const { before, during, after, paused, most, until } = iteration;
  world.begin();
  for (const each of before) act(world, each);
  if (!world.unfinished) world.wait(most);
  const mask = paused === undefined ? undefined : world.maskOf(paused);
  if (paused !== undefined && mask !== undefined) world.update(paused, 0);
  for (let at = 0; at < until; at++) {
    for (const each of during) if (each.at === at) act(world, each.action);
    if (!world.deliver()) break;
  }
  if (paused !== undefined && mask !== undefined) world.update(paused, mask);
  for (const each of after) act(world, each);
  world.end();
}

function take(world: World, step: Step): void {
  if ("action" in step) act(world, step.action);
  else iterate(world, step.iteration);
}

describe.each(["epoll", "kqueue"] as const)("over a queue that behaves as %s does", (backend) => {
  test(
    "the queue is told what is wanted, and handlers are told what is theirs",
    async () => {
      const tally = new Tally();
      const property = fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const world = new World(backend);
        for (const each of steps) take(world, each);
        world.clear();
        for (const [what, times] of Object.entries(world.met)) tally.note(what, times);
      });
      const runs = await holds(`registrations, ${backend}`, property, { runs: 2000 });
      tally.judge(OUTCOMES[backend], runs, ENOUGH);
    },
    PROPERTY_LIMIT_MS,
  );
});

test(
  "generations begin anew once all were used, and nothing is mistaken",
  () => {
    const seed = seedOfRun();
    const world = new World("epoll");
    world.queue.idle = true;
    for (let count = 0; count < GENERATION_MAX - 100; count++) {
      world.registrations.add(3, READ);
      world.registrations.remove(3);
    }
    world.queue.idle = false;
    const { generation } = world.queue;
    for (const [at, each] of fc.sample(step, { numRuns: 10_000, seed }).entries()) {
      try {
        take(world, each);
      } catch (error) {
        throw new Error(`BUN_IOLOOP_SEED=${seed}, step ${at}: ${error}`, { cause: error });
      }
    }
    const { told, ghosts, refused, resets } = world.met;
    expect([generation, world.queue.generation]).toEqual([
      GENERATION_MAX - 100,
      expect.any(Number),
    ]);
    expect(world.queue.generation).toBeLessThan(GENERATION_MAX / 2);
    // Fewer than a tenth of what such runs meet: one that meets less proves little.
    expect(told).toBeGreaterThan(100);
    expect(ghosts).toBeGreaterThan(10);
    expect(refused).toBeGreaterThan(10);
    expect(resets).toBeGreaterThan(3);
  },
  PROPERTY_LIMIT_MS,
);
