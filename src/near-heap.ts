import { moved } from "./typed-array.ts";

/** The position of the first entry. */
const ROOT = 3;
const CAPACITY_FIRST = 64;
const GROWTH = 2;

/** Tells which of two slots was given out earlier. */
export interface Seniority {
  isEarlier(slot: number, other: number): boolean;
}

/**
 * A 4-ary heap of entries, a deadline and a slot each, nearest deadline first, those with equal deadlines by the
 * seniority of their slots:
 *
 *   _ _ _ [5.0|2] [7.5|0] [7.5|3] [9.1|1] [NaN] ...
 *
 * The root is at 3 and the children of p at 4p - 8 ... 4p - 5, so that four share a cache line. A sift moves a hole
 * and stores once, as mourner/flatqueue does; the hole of a removed entry sinks to the bottom first, and what fills it
 * rises from there, which compares least (Wegener's bottom-up heapsort).
 */
export class NearHeap {
  readonly #seniority: Seniority;
  #entries = new Float64Array(2 * CAPACITY_FIRST);
  #end = ROOT;

  constructor(seniority: Seniority) {
    this.#seniority = seniority;
  }

  get size(): number {
    return this.#end - ROOT;
  }

  /** Only while there is one, as the next. */
  get firstDeadline(): number {
    return this.#entries[2 * ROOT] as number;
  }

  get firstSlot(): number {
    return (this.#entries[2 * ROOT + 1] as number) | 0;
  }

  deadlineAt(index: number): number {
    return this.#entries[2 * (ROOT + index)] as number;
  }

  slotAt(index: number): number {
    return (this.#entries[2 * (ROOT + index) + 1] as number) | 0;
  }

  /** Adds an entry whose slot is junior to all others. O(log n), and O(1) for one that comes late. */
  add(deadline: number, slot: number): void {
    let hole = this.#end;
    this.append(deadline, slot);
    const entries = this.#entries;
    while (hole > ROOT) {
      const parent = (hole >> 2) + 2;
      const parentDeadline = entries[2 * parent] as number;
      if (deadline >= parentDeadline) break;
      entries[2 * hole] = parentDeadline;
      entries[2 * hole + 1] = entries[2 * parent + 1] as number;
      hole = parent;
    }
    entries[2 * hole] = deadline;
    entries[2 * hole + 1] = slot;
  }

  /** Adds an entry at the end, out of order: `order` must follow. */
  append(deadline: number, slot: number): void {
    const at = this.#end;
    // Room for the rest of its four, which are never the least.
    if (2 * (at + 4) > this.#entries.length) {
      this.#entries = moved(this.#entries, GROWTH * this.#entries.length);
    }
    this.#end = at + 1;
    const entries = this.#entries;
    entries[2 * at] = deadline;
    entries[2 * at + 1] = slot;
    if ((at & 3) === 0) {
      entries[2 * at + 2] = Number.NaN;
      entries[2 * at + 4] = Number.NaN;
      entries[2 * at + 6] = Number.NaN;
    }
  }

  /** Makes a heap of entries in any order. O(n). */
  order(): void {
    const entries = this.#entries;
    for (let at = ((this.#end - 1) >> 2) + 2; at >= ROOT; at--) {
      this.#place(at, entries[2 * at] as number, (entries[2 * at + 1] as number) | 0);
    }
  }

  /** Drops the entries of which `drops` says so. O(n). */
  sweep(drops: (slot: number) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.size; index++) {
      const slot = this.slotAt(index);
      if (!drops(slot)) this.put(kept++, this.deadlineAt(index), slot);
    }
    this.truncate(kept);
    this.order();
  }

  /** Puts an entry in another one's place, out of order: `order` must follow. */
  put(index: number, deadline: number, slot: number): void {
    this.#entries[2 * (ROOT + index)] = deadline;
    this.#entries[2 * (ROOT + index) + 1] = slot;
  }

  /** Leaves the first `size` entries, in any order: `order` must follow. */
  truncate(size: number): void {
    this.#end = ROOT + size;
    for (let rest = this.#end; (rest & 3) !== 0; rest++) this.#entries[2 * rest] = Number.NaN;
  }

  /** O(log n). */
  removeFirst(): void {
    const entries = this.#entries;
    const last = --this.#end;
    const deadline = entries[2 * last] as number;
    entries[2 * last] = Number.NaN;
    if (last > ROOT) this.#place(ROOT, deadline, (entries[2 * last + 1] as number) | 0);
  }

  /** Gives the first entry a later deadline. O(log n). */
  postponeFirst(deadline: number): void {
    this.#place(ROOT, deadline, this.firstSlot);
  }

  /** Puts an entry to the hole at `start`, or below. */
  #place(start: number, deadline: number, slot: number): void {
    const entries = this.#entries;
    const end = this.#end;
    let hole = start;
    for (let first = 4 * hole - 8; first < end; first = 4 * hole - 8) {
      let least = first;
      let leastDeadline = entries[2 * first] as number;
      for (let child = first + 1; child < first + 4; child++) {
        const childDeadline = entries[2 * child] as number;
        // Neither holds for NaN, after the last entry.
        if (
          childDeadline < leastDeadline ||
          (childDeadline === leastDeadline && this.#isEarlier(child, least))
        ) {
          least = child;
          leastDeadline = childDeadline;
        }
      }
      entries[2 * hole] = leastDeadline;
      entries[2 * hole + 1] = entries[2 * least + 1] as number;
      hole = least;
    }
    while (hole > start) {
      const parent = (hole >> 2) + 2;
      const parentDeadline = entries[2 * parent] as number;
      if (deadline > parentDeadline) break;
      const parentSlot = (entries[2 * parent + 1] as number) | 0;
      if (deadline === parentDeadline && this.#seniority.isEarlier(parentSlot, slot)) break;
      entries[2 * hole] = parentDeadline;
      entries[2 * hole + 1] = parentSlot;
      hole = parent;
    }
    entries[2 * hole] = deadline;
    entries[2 * hole + 1] = slot;
  }

  #isEarlier(position: number, other: number): boolean {
    const entries = this.#entries;
    const slot = (entries[2 * position + 1] as number) | 0;
    return this.#seniority.isEarlier(slot, (entries[2 * other + 1] as number) | 0);
  }
}
