import { heapStats } from "bun:jsc";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { IOLoop, IOLoopError } from "../src/index.ts";
import { ignore, openFds, threadNames } from "./support.ts";
import { caughtSignals } from "./support-caught-signals.ts";
import type { Counts, Memory, TableRooms } from "./support-soak.ts";

const ALL_WAKERS = 16_384;
const ALL_LISTENERS = 256;
/** What is freed goes back to the system a moment later. */
const PURGED_MS = 150;
const LOOK_EVERY_MS = 10;
const MAPS = "/proc/self/maps";
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (..)/gm;
let mappedFirst: number | undefined;
const linux = process.platform === "linux";

/** The memory that is in use: without garbage, code that can be compiled again, and what is about to be given back. */
export async function measureMemory(workers: number): Promise<Memory> {
  Bun.gc(true);
  Bun.shrink();
  await Bun.sleep(1);
  Bun.gc(true);
  await Bun.sleep(PURGED_MS);
  const { rss } = process.memoryUsage();
  const mapped = measureMapped();
  mappedFirst ??= mapped;
  return { rss, heap: heapStats().heapSize, mapped: since(mappedFirst, mapped), workers };
}

/** Most is room that allocators have reserved from the beginning. */
function since(first: number | undefined, now: number | undefined): number | undefined {
  return first === undefined || now === undefined ? undefined : now - first;
}

/**
 * Allocators map much at once and keep it, so that this stands still, and what the library maps shows to the page. Stacks
 * of threads, which are kept for later ones, lie above a page that nobody may touch.
 */
function measureMapped(): number | undefined {
  if (!linux) return undefined;
  let bytes = 0;
  let guardEnd = "";
  for (const [, from = "", to = "", mode] of readFileSync(MAPS, "utf8").matchAll(MAPPING)) {
    const isStack = from === guardEnd;
    if (mode === "rw" && !isStack) bytes += Number(BigInt(`0x${to}`) - BigInt(`0x${from}`));
    guardEnd = mode === "--" ? to : "";
  }
  return bytes;
}

/** What is open now. */
export function count(): Counts {
  const { own, others } = countThreads();
  return { fds: openFds(), threads: own, bunThreads: others, signals: signalsHandled() };
}

/** The same, when whatever is still about to end has ended; `most` is what it should come down to, if that is known. */
export async function countSettled(limitMs: number, most?: Counts): Promise<Counts> {
  let counts = count();
  for (let quietMs = 0, left = limitMs; left > 0; left -= LOOK_EVERY_MS) {
    if (most !== undefined && isWithin(counts, most)) return counts;
    await Bun.sleep(LOOK_EVERY_MS);
    const next = count();
    quietMs = Bun.deepEquals(next, counts) ? quietMs + LOOK_EVERY_MS : 0;
    counts = next;
    if (most === undefined && quietMs >= PURGED_MS) return counts;
    if (quietMs === PURGED_MS) Bun.gc(true);
  }
  return counts;
}

function isWithin(counts: Counts, most: Counts): boolean {
  const { fds, threads = 0, signals = 0 } = counts;
  return fds <= most.fds && threads <= (most.threads ?? 0) && signals <= (most.signals ?? 0);
}

/** The files behind all fds, where the system tells: what of them is new is what has leaked. */
export function describeFds(): string[] {
  if (!linux) return [];
  return readdirSync("/proc/self/fd").map((fd) => {
    try {
      return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
    } catch {
      // The one that reads the folder.
      return "";
    }
  });
}

/** A thread without a name of its own has its maker's: Bun names those that it keeps for itself. */
function countThreads(): { own: number | undefined; others: number | undefined } {
  if (!linux) return { own: undefined, others: undefined };
  const names = threadNames();
  const own = names.filter((name) => name === names[0] || name === "Worker").length;
  return { own, others: names.length - own };
}

function signalsHandled(): number | undefined {
  if (!linux) return undefined;
  return caughtSignals().toString(2).replaceAll("0", "").length;
}

/** How many wakers and signal listeners of the library nobody has given back, found by taking all that are free. */
export function countTableRooms(): TableRooms {
  const first = new IOLoop();
  const loops = [first];
  try {
    const wakers = takenOf(ALL_WAKERS, () => first.waker());
    const listeners = takenOf(ALL_LISTENERS, () => {
      const loop = new IOLoop({ maxEvents: 1 });
      loops.push(loop);
      loop.addSignalHandler("SIGWINCH", ignore);
    });
    return { wakers, listeners };
  } finally {
    for (const loop of loops) loop.close();
  }
}

/** How many of `all` somebody has; undefined where something else came to its end first. */
function takenOf(all: number, take: () => unknown): number | undefined {
  for (let free = 0; ; free++) {
    try {
      take();
    } catch (error) {
      return error instanceof IOLoopError && error.code === "ENOSPC" ? all - free : undefined;
    }
  }
}
