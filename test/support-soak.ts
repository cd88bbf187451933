/** What memory there is between two laps of the soak, when everything that a lap has opened is closed again. */
export interface Memory {
  /** Bytes. */
  readonly rss: number;
  readonly heap: number;
  /** What was mapped to be written since the start, in use or not; undefined where the system does not tell. */
  readonly mapped: number | undefined;
  /** How many Workers have ended by then. */
  readonly workers: number;
}

/** What can be counted once everything is closed; undefined where the system does not tell. */
export interface Counts {
  readonly fds: number;
  /** Workers, hosted loops' threads, and the main one. */
  readonly threads: number | undefined;
  /** Bun's own threads come and go. */
  readonly bunThreads: number | undefined;
  /** Signals that the process handles. */
  readonly signals: number | undefined;
}

/** What nobody has given back of the library's tables, which all loops of a process share; undefined: not known. */
export interface TableRooms {
  readonly wakers: number | undefined;
  readonly listeners: number | undefined;
}

/** One line of the verdict: what it was, and by how much it has grown. */
export interface Finding {
  readonly what: string;
  readonly unit: "bytes" | "count";
  readonly warm: number;
  readonly end: number;
  readonly growth: number;
  /** What of it is no single step. */
  readonly lasting: number;
  /** How much of that is no growth; undefined: it is not judged. */
  readonly allowed: number | undefined;
}

/** Fewer laps say nothing about memory: the engine still takes what it needs once. */
export const LAPS_LEAST = 8;

const MB = 2 ** 20;
const KB = 2 ** 10;
/** Half of it is the noise of a busy machine. macOS leaves what was freed with the process for longer. */
const RSS_ALLOWED = process.platform === "darwin" ? 16 * MB : 4 * MB;
const HEAP_ALLOWED = 48 * KB;
const MAPPED_ALLOWED = 512 * KB;
/** Bun keeps 11 KB of each Worker that has opened a library with so many functions, whichever one, and 1 KB of others. */
const RSS_ALLOWED_PER_WORKER = 18 * KB;
const SPARE_THREADS_ALLOWED = 16;

/** What the soak has found, by the memory after each lap and by the counts before and after all of them. */
export function judge(
  memory: readonly Memory[],
  warm: Counts,
  end: Counts,
  rooms: TableRooms,
): readonly Finding[] {
  return [...judgeMemory(memory), ...judgeCounts(warm, end), ...judgeRooms(rooms)];
}

export function hasGrown({ lasting, allowed }: Finding): boolean {
  return allowed !== undefined && lasting > allowed;
}

function judgeMemory(memory: readonly Memory[]): Finding[] {
  const quarter = Math.max(Math.floor(memory.length / 4), 1);
  const middle = (values: readonly number[]): [first: number, last: number] => {
    return [median(values.slice(0, quarter)), median(values.slice(-quarter))];
  };
  const [workersFirst, workersLast] = middle(memory.map(({ workers }) => workers));
  const add = (what: string, of: (memory: Memory) => number | undefined, allowed: number): void => {
    const values = memory.map(of).filter((value) => value !== undefined);
    if (values.length === 0) return;
    const [warm, end] = middle(values);
    findings.push({
      what,
      unit: "bytes",
      warm,
      end,
      growth: end - warm,
      lasting: lastingGrowth(values),
      allowed: memory.length < LAPS_LEAST ? undefined : allowed,
    });
  };
  const findings: Finding[] = [];
  add("RSS", ({ rss }) => rss, RSS_ALLOWED + (workersLast - workersFirst) * RSS_ALLOWED_PER_WORKER);
  add("JavaScript heap", ({ heap }) => heap, HEAP_ALLOWED);
  add("mapped since the start", ({ mapped }) => mapped, MAPPED_ALLOWED);
  return findings;
}

/**
 * By how much the last quarter is above the first one, without the largest step between two neighbours: what leaks goes
 * on, and a table that has grown once does not.
 */
export function lastingGrowth(values: readonly number[]): number {
  const quarter = Math.max(Math.floor(values.length / 4), 1);
  const smooth = values.map((_, at) => median(values.slice(Math.max(at - 1, 0), at + 2)));
  const growth = median(smooth.slice(-quarter)) - median(smooth.slice(0, quarter));
  const steps = smooth.slice(1).map((value, at) => value - (smooth[at] as number));
  return Math.max(growth - Math.max(...steps, 0), 0);
}

function judgeCounts(warm: Counts, end: Counts): Finding[] {
  const findings: Finding[] = [];
  const add = (what: string, key: keyof Counts, allowed: number): void => {
    const [before, after] = [warm[key], end[key]];
    if (before === undefined || after === undefined) return;
    const growth = after - before;
    findings.push({
      what,
      unit: "count",
      warm: before,
      end: after,
      growth,
      lasting: growth,
      allowed,
    });
  };
  add("fds", "fds", 0);
  add("threads", "threads", 0);
  add("Bun's own threads", "bunThreads", SPARE_THREADS_ALLOWED);
  add("signals handled", "signals", 0);
  return findings;
}

function judgeRooms({ wakers, listeners }: TableRooms): Finding[] {
  const findings: Finding[] = [];
  const add = (what: string, left: number | undefined): void => {
    if (left === undefined) return;
    const [growth, lasting] = [left, left];
    findings.push({ what, unit: "count", warm: 0, end: left, growth, lasting, allowed: 0 });
  };
  add("wakers", wakers);
  add("signal listeners", listeners);
  return findings;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
