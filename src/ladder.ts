import type { NearHeap } from "./near-heap.ts";
import { moved } from "./typed-array.ts";

const CAPACITY_FIRST = 1024;
const GROWTH = 2;
/** A rung of up to so many goes to the heap as a whole. */
const TAKEN_MOST = 1024;
/** Of so many deadlines, taken at random and sorted, this one divides entries: about a quarter are up to it. */
const SAMPLES = 64;
const DIVIDING = 16;

const samples = new Float64Array(SAMPLES);
let randomState = 1;

/** Entries above a floor, in no order. */
class Rung {
  floor = Number.NEGATIVE_INFINITY;
  deadlines = new Float64Array(CAPACITY_FIRST);
  slots = new Uint32Array(CAPACITY_FIRST);
  size = 0;

  add(deadline: number, slot: number): void {
    const at = this.size;
    if (at === this.slots.length) {
      this.deadlines = moved(this.deadlines, GROWTH * at);
      this.slots = moved(this.slots, GROWTH * at);
    }
    this.size = at + 1;
    this.deadlines[at] = deadline;
    this.slots[at] = slot;
  }
}

/**
 * The timers that are too far away to be worth an order, as in the ladder queue of Tang, Goh and Thng (2005):
 *
 *   rung 0   above its floor, 300:     [312.0|7] [500.5|4] [301.9|5] ...
 *   rung 1   up to 300, above 90:      [120.0|1] [ 99.1|9] ...
 *   heap     up to 90, the horizon
 *
 * To add one is to append it. When the heap is empty, the lowest rung goes there; from one that is too large for
 * that, the nearest quarter becomes a rung below it first. So each entry is looked at some ten times on its way, in the
 * order of memory, and the heap stays so small that a cache holds it.
 */
export class Ladder {
  /** Those from #height on are not in use, and keep their memory. */
  readonly #rungs: Rung[] = [];
  #height = 0;
  #size = 0;
  /** Whatever is above it belongs here, and the rest to the heap. */
  #horizon = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#size;
  }

  get horizon(): number {
    return this.#horizon;
  }

  /** Adds an entry above the horizon. O(1), but for a search among the rungs. */
  add(deadline: number, slot: number): void {
    const rungs = this.#rungs;
    let low = 0;
    for (let high = this.#height - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (deadline > (rungs[middle] as Rung).floor) high = middle;
      else low = middle + 1;
    }
    (rungs[low] as Rung).add(deadline, slot);
    this.#size++;
  }

  /** Brings the nearest entries to the heap, which must be empty. O(1) for each entry, amortised. */
  refill(heap: NearHeap): void {
    while (heap.size === 0 && this.#height > 0) {
      let rung = this.#rungs[this.#height - 1] as Rung;
      while (rung.size > TAKEN_MOST) {
        const floor = dividing(rung.size, (index) => rung.deadlines[index] as number);
        if (floor === undefined) break;
        rung = this.#divide(rung, floor);
      }
      for (let at = 0; at < rung.size; at++) {
        heap.append(rung.deadlines[at] as number, rung.slots[at] as number);
      }
      this.#size -= rung.size;
      rung.size = 0;
      this.#setHeight(this.#height - 1);
    }
    heap.order();
  }

  /** Takes the farther entries of a heap that is too large, unless all are at one time. O(n). */
  relieve(heap: NearHeap): void {
    const size = heap.size;
    const floor = dividing(size, (index) => heap.deadlineAt(index));
    if (floor === undefined) return;
    const rung = this.#push(floor);
    let kept = 0;
    for (let index = 0; index < size; index++) {
      const deadline = heap.deadlineAt(index);
      const slot = heap.slotAt(index);
      if (deadline > floor) rung.add(deadline, slot);
      else heap.put(kept++, deadline, slot);
    }
    this.#size += size - kept;
    heap.truncate(kept);
    heap.order();
  }

  /** Drops the entries of which `drops` says so. O(n). */
  sweep(drops: (slot: number) => boolean): void {
    this.#size = 0;
    for (let height = 0; height < this.#height; height++) {
      const { deadlines, slots, size } = this.#rungs[height] as Rung;
      let kept = 0;
      for (let at = 0; at < size; at++) {
        const slot = slots[at] as number;
        if (drops(slot)) continue;
        deadlines[kept] = deadlines[at] as number;
        slots[kept++] = slot;
      }
      (this.#rungs[height] as Rung).size = kept;
      this.#size += kept;
    }
    while (this.#height > 0 && (this.#rungs[this.#height - 1] as Rung).size === 0) {
      this.#setHeight(this.#height - 1);
    }
  }

  /** Moves the entries of the lowest rung that are up to `floor` to a new one below it. */
  #divide(rung: Rung, floor: number): Rung {
    const below = this.#push(rung.floor);
    rung.floor = floor;
    const { deadlines, slots } = rung;
    let size = rung.size;
    for (let at = 0; at < size; ) {
      const deadline = deadlines[at] as number;
      if (deadline > floor) {
        at++;
        continue;
      }
      below.add(deadline, slots[at] as number);
      size--;
      deadlines[at] = deadlines[size] as number;
      slots[at] = slots[size] as number;
    }
    rung.size = size;
    return below;
  }

  /** An empty rung below all others. */
  #push(floor: number): Rung {
    const rung = this.#rungs[this.#height] ?? new Rung();
    rung.floor = floor;
    this.#rungs[this.#height] = rung;
    this.#setHeight(this.#height + 1);
    return rung;
  }

  #setHeight(height: number): void {
    this.#height = height;
    this.#horizon =
      height === 0 ? Number.POSITIVE_INFINITY : (this.#rungs[height - 1] as Rung).floor;
  }
}

/** A linear congruential generator of the ladder's own: a program may count on what Math.random() gives it. */
function random(): number {
  randomState = (Math.imul(randomState, 1_664_525) + 1_013_904_223) >>> 0;
  // The low bits are hardly random.
  return randomState >>> 6;
}

/** A deadline that some are above and some are not; undefined where all that were looked at are the same. */
function dividing(size: number, deadlineAt: (index: number) => number): number | undefined {
  for (let sample = 0; sample < SAMPLES; sample++) {
    samples[sample] = deadlineAt(random() % size);
  }
  samples.sort();
  const last = samples[SAMPLES - 1] as number;
  for (let at = DIVIDING; at >= 0; at--) {
    if ((samples[at] as number) < last) return samples[at];
  }
  return undefined;
}
