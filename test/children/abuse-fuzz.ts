// Calls every public function with anything, and looks after each call whether the loop still works:
// abuse-fuzz.ts <seed> <journal> <folder> <most calls> <most milliseconds>.
import { show } from "../../src/arguments.ts";
import { leakedSince, openFds } from "../support.ts";
import { Journal } from "../support-abuse.ts";
import { report } from "../support-child.ts";
import { pseudoRandom } from "../support-random.ts";
import { Arena } from "./abuse-arena.ts";
import { type Called, isProper, isReportable } from "./abuse-errors.ts";
import { CARE, SHAPES, type Target, targetsOf } from "./abuse-targets.ts";
import { anyValue, draw, plausible } from "./abuse-values.ts";

const [seed = 0, , , callsMost = 0, msMost = 0] = process.argv.slice(2).map(Number);
const journal = new Journal(process.argv[3] ?? "");
// Unix sockets are made here.
process.chdir(process.argv[4] ?? "");

const TURN_EVERY = 16;
const RENEW_EVERY = 128;
const COLLECT_EVERY = 2048;
/** A call within a call within one. */
const DEPTH_MOST = 3;
const RUN_ENDS_WITHIN_MS = 3000;

/** By calls that were not made within another one. */
let thrown = 0;

/** Anything but what the library may throw is a failure of this program. */
function judge(error: unknown, called?: Called): void {
  if (!isProper(error, called)) give(`${called?.name ?? "a promise"} threw`, error);
}

function judgeReport(error: unknown): void {
  if (!isReportable(error)) give("reported", error);
}

function give(what: string, error: unknown): never {
  console.log(`${what}:`, error);
  process.exit(1);
}

process.on("unhandledRejection", (error) => judge(error));
process.on("uncaughtException", (error) => judge(error));
// Turbo's notices.
console.error = () => {};

const random = pseudoRandom(seed);
draw(seed);
const fdsBefore = openFds();
const arena = new Arena(random, judgeReport);
const targets = targetsOf(arena);
const shaped = targets.filter(({ name }) => name in SHAPES);

function argumentsOf({ name }: Target): unknown[] {
  const shape = SHAPES[name] ?? [];
  const args: unknown[] = [];
  const count =
    random(8) === 0
      ? 1 + random(6)
      : Math.max(shape.length - Number(random(8) === 0), shape[0] === "hostile" ? 1 : 0);
  const wild = random(3) === 0 ? 2 : 8;
  for (let at = 0; at < count; at++) {
    const kind = shape[at] ?? "any";
    args.push(random(wild) === 0 && kind !== "hostile" ? anyValue(arena) : plausible(kind)(arena));
  }
  return args;
}

function strangerFor(): { receiver: unknown } | undefined {
  return random(20) === 0 ? { receiver: anyValue(arena) } : undefined;
}

/** The promises that no loop has settled yet. */
const pending = new Map<Promise<unknown>, string>();

function follow(promise: Promise<unknown>, called?: Called): void {
  pending.set(promise, journal.entry);
  promise.catch((error) => judge(error, called)).finally(() => pending.delete(promise));
}

/** New loops for old, whose promises must all be settled then. */
async function renew(): Promise<void> {
  arena.renew();
  await turn();
  for (const call of pending.values()) give("its loop was closed before the promise of", call);
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Ends what `run` has begun. */
async function endRuns(): Promise<void> {
  const limit = performance.now() + RUN_ENDS_WITHIN_MS;
  for (const loop of [arena.loop, arena.other]) {
    while (loop.running()) {
      if (performance.now() > limit) give("a run did not end", undefined);
      loop.stop();
      await turn();
    }
  }
}

let depth = 0;

/** Calls one function with something; `what` it is called within. */
function callOne(what: string): void {
  const target = arena.pick(random(3) === 0 ? targets : shaped);
  const args = argumentsOf(target);
  const stranger = strangerFor();
  const of = stranger ? " of a stranger" : "";
  const called = { name: target.name, stranger: stranger !== undefined };
  const entry = `${what}: ${target.name}(${args.map(show).join(", ")})${of}`;
  journal.enter(entry);
  const care = CARE[target.name];
  depth++;
  try {
    care?.before?.(arena);
    const result = target.invoke(arena, args, stranger);
    if (result instanceof Promise) follow(result, called);
    care?.after?.(arena, result, args);
  } catch (error) {
    judge(error, called);
    if (depth === 1) thrown++;
  }
  depth--;
  journal.enter(`after ${entry}`);
}

arena.meddle = () => {
  if (depth < DEPTH_MOST) callOne(`${journal.entry}, within`);
};

/** Calls one from outside of the loop, or from within one of its runs. */
function callSomewhere(what: string): void {
  const { loop } = arena;
  const inside = (where: string) => () => callOne(`${what}, in ${where}`);
  switch (random(8)) {
    case 0:
      loop.addCallback(inside("a callback"));
      break;
    case 1:
      arena.bound();
      loop.addCallback(inside("start()"));
      loop.start();
      break;
    case 2:
      arena.bound();
      follow(loop.run());
      inside("run()")();
      break;
    default:
      callOne(what);
  }
}

/** Returns how many calls it made. */
async function abuse(): Promise<number> {
  const limit = performance.now() + msMost;
  let call = 0;
  for (; call < callsMost && performance.now() < limit; call++) {
    if (call % RENEW_EVERY === 0) await renew();
    if (call % COLLECT_EVERY === 0) Bun.gc(true);
    if (arena.loop.closed || arena.other.closed) arena.renewLoop();
    callSomewhere(`call ${call}`);
    if (call % TURN_EVERY === 0 || arena.loop.running() || arena.other.running()) {
      await turn();
      await endRuns();
    }
    if (arena.loop.closed) arena.renewLoop();
    arena.checkHealth();
  }
  arena.end();
  return call;
}

let calls = 0;
try {
  calls = await abuse();
} catch (error) {
  give("between the calls:", error);
}
report({ calls, thrown, targets: targets.length, fds: await leakedSince(fdsBefore) });
process.exit(0);
