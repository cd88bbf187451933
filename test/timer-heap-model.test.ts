// A million operations in one run, with up to 100,000 timers pending.
import { expect, test } from "bun:test";
import { TimerHeap } from "../src/timer-heap.ts";
import { fail } from "./support.ts";
import { PROPERTY_LIMIT_MS } from "./support-property.ts";
import { pseudoRandom, type Random } from "./support-random.ts";
import { seedNote, seedOfRun } from "./support-seed.ts";

/** Deadlines are below, at first; each whole millisecond has a bucket. */
const SPAN = 4096;
/** The place of what is not pending. */
const GONE = -1;

interface Entry {
  ref: number;
  deadline: number;
  readonly sequence: number;
  bucket: number;
  /** Its place among the pending, in no order. */
  place: number;
}

function compare(a: Entry, b: Entry): number {
  return a.deadline - b.deadline || a.sequence - b.sequence;
}

/** What the heap promises: a sorted list, cut into buckets so that a step stays cheap. */
class SortedBuckets {
  readonly pending: Entry[] = [];
  readonly #buckets: Entry[][] = Array.from({ length: SPAN + 1 }, () => []);
  #lowest = 0;
  sequence = 0;

  first(): Entry | undefined {
    while (this.#lowest < SPAN && this.#buckets[this.#lowest]?.length === 0) this.#lowest++;
    return this.#buckets[this.#lowest]?.[0];
  }

  add(deadline: number): Entry {
    const place = this.pending.length;
    const entry = { ref: 0, deadline, sequence: this.sequence++, bucket: 0, place };
    this.pending.push(entry);
    this.#insert(entry);
    return entry;
  }

  remove(entry: Entry): void {
    this.#extract(entry);
    const moved = this.pending.pop() as Entry;
    if (moved !== entry) {
      moved.place = entry.place;
      this.pending[entry.place] = moved;
    }
    entry.place = GONE;
  }

  postpone(entry: Entry, deadline: number): void {
    this.#extract(entry);
    entry.deadline = deadline;
    this.#insert(entry);
  }

  clear(): void {
    for (const entry of this.pending) entry.place = GONE;
    this.pending.length = 0;
    for (const bucket of this.#buckets) bucket.length = 0;
  }

  #insert(entry: Entry): void {
    entry.bucket = Math.min(Math.max(Math.floor(entry.deadline), 0), SPAN);
    const bucket = this.#buckets[entry.bucket] as Entry[];
    bucket.splice(placeIn(bucket, entry), 0, entry);
    this.#lowest = Math.min(this.#lowest, entry.bucket);
  }

  #extract(entry: Entry): void {
    const bucket = this.#buckets[entry.bucket] as Entry[];
    bucket.splice(placeIn(bucket, entry), 1);
  }
}

/** How many of `bucket` come before `entry`. */
function placeIn(bucket: readonly Entry[], entry: Entry): number {
  let low = 0;
  let high = bucket.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(bucket[middle] as Entry, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One heap beside its list. Every step ends with a look at all that the heap tells. */
class Run {
  readonly #heap: TimerHeap<Entry>;
  readonly #list = new SortedBuckets();
  readonly #seed: number;
  readonly #below: Random;
  /** All that there ever were, with their refs. */
  readonly #given: Entry[] = [];
  #mark = 0;
  steps = 0;

  constructor(kind: 0 | 1, seed: number) {
    this.#heap = new TimerHeap(kind);
    this.#seed = seed;
    this.#below = pseudoRandom(seed);
  }

  get size(): number {
    return this.#list.pending.length;
  }

  /**
   * Adds in `adding` of a hundred cases; in the others more entries go than stay, where `cancelling` by
   * their refs.
   */
  step(adding: number, cancelling = false): void {
    this.steps++;
    const choice = this.#below(100);
    if (choice < adding || this.size === 0) this.#add();
    else if (cancelling && choice % 8 < 6) this.#removeAny();
    else if (choice % 8 < 3) this.#removeFirst();
    else if (choice % 8 < 5) this.#removeAny();
    else if (choice % 8 === 5) this.#remove(this.#given[this.#below(this.#given.length)] as Entry);
    else if (choice % 8 === 6) this.#postpone();
    else this.#mark = this.#heap.mark;
    this.#look();
  }

  clear(): void {
    this.#heap.clear();
    this.#list.clear();
    this.#look();
  }

  #add(): void {
    const entry = this.#list.add(this.#deadline());
    entry.ref = this.#heap.add(entry.deadline, entry, -entry.sequence);
    this.#given.push(entry);
  }

  #removeFirst(): void {
    this.#list.remove(this.#list.first() as Entry);
    this.#heap.removeFirst();
  }

  #removeAny(): void {
    this.#remove(this.#list.pending[this.#below(this.size)] as Entry);
  }

  /** By its ref; one that was used may have its slot taken by another entry. */
  #remove(entry: Entry): void {
    const pending = entry.place !== GONE;
    if (pending) this.#list.remove(entry);
    this.#check(this.#heap.remove(entry.ref) === pending, "remove of a ref answered", !pending);
    this.#check(!this.#heap.remove(entry.ref), "remove of a used ref answered", true);
  }

  #postpone(): void {
    const first = this.#list.first() as Entry;
    const deadline = first.deadline + (this.#below(2) === 0 ? 0 : this.#deadline());
    this.#list.postpone(first, deadline);
    this.#heap.postponeFirst(deadline);
  }

  #look(): void {
    const heap = this.#heap;
    const first = this.#list.first();
    this.#check(heap.size === this.size, "size is", heap.size);
    this.#check(heap.mark === this.#list.sequence, "mark is", heap.mark);
    const nearest = first?.deadline ?? Number.POSITIVE_INFINITY;
    this.#check(heap.nearest === nearest, "nearest is", heap.nearest);
    const due = first !== undefined && first.sequence < this.#mark;
    this.#check(heap.isDue(nearest, this.#mark) === due, "isDue at its deadline is", !due);
    if (first === undefined) return;
    this.#check(!heap.isDue(nearest - 0.001, this.#mark), "isDue before its deadline is", true);
    this.#check(heap.firstValue === first, "the first is", heap.firstValue.sequence);
    this.#check(heap.firstArg === -first.sequence, "its argument is", heap.firstArg);
    this.#check(heap.firstRef === first.ref, "its ref is", heap.firstRef);
  }

  expectNoRefTwice(): void {
    const refs = Float64Array.from(this.#given, (entry) => entry.ref).sort();
    for (let at = 1; at < refs.length; at++) {
      this.#check(refs[at] !== refs[at - 1], "given twice: ref", refs[at]);
    }
  }

  /** A third each: one of 64, one of 4096, or any fraction. */
  #deadline(): number {
    const choice = this.#below(3);
    if (choice === 0) return this.#below(64) * 64;
    return choice === 1 ? this.#below(SPAN) : (this.#below(2 ** 32) / 2 ** 32) * SPAN;
  }

  #check(holds: boolean, what: string, found: unknown): void {
    if (!holds) {
      fail(
        `BUN_IOLOOP_SEED=${this.#seed}, step ${this.steps}, ${this.size} pending: ${what} ${found}`,
      );
    }
  }
}

/** How many entries there are at most before they go again, in turn, as parts of the largest number. */
const PEAKS = [1, 0, 0.01, 1, 0.0004, 1];

test.each([
  [0, 1_000_000, 100_000],
  [1, 100_000, 10_000],
] as const)(
  "a heap of kind %d does what a sorted list does in %d operations on up to %d timers",
  (kind, operations, most) => {
    const seed = seedOfRun();
    const run = new Run(kind, seed);
    let emptied = 0;
    for (let cycle = 0; run.steps < operations; cycle++) {
      const peak = Math.max((PEAKS[cycle % PEAKS.length] as number) * most, 3);
      while (run.size < peak && run.steps < operations) run.step(88);
      // Every other time, what is left at the half is cleared.
      const floor = cycle % 2 === 0 ? 0 : peak / 2;
      // In two of three cycles most are removed, so that the dead outnumber the pending.
      const cancelling = cycle % 3 < 2;
      while (run.size > floor && run.steps < operations) run.step(10, cancelling);
      if (run.steps === operations) break;
      run.clear();
      emptied++;
    }
    expect(emptied).toBeGreaterThanOrEqual(5);
    run.expectNoRefTwice();
    console.log(
      `  timer heap of kind ${kind}: ${operations.toLocaleString("en")} operations, ${seedNote(seed)}`,
    );
  },
  PROPERTY_LIMIT_MS,
);
