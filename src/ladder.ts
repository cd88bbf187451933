import type { NearHeap } from "./near-heap.ts";

/** 24 KB of entries. */
const CHUNK_BITS = 11;
const CHUNK = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNK - 1;
/** A rung of up to so many goes to the heap as a whole. */
const TAKEN_MOST = 1024;
/** Of so many deadlines, taken at random and sorted, this one divides entries: about a quarter are up to it. */
const SAMPLES = 64;
const DIVIDING = 16;

const samples = new Float64Array(SAMPLES);
let randomState = 1;

class Chunk {
  readonly deadlines = new Float64Array(CHUNK);
  readonly slots = new Uint32Array(CHUNK);
  size = 0;
}

/** Entries above a floor, in no order. All chunks but the last are full. */
class Rung {
  readonly #pool: Chunk[];
  #chunks: Chunk[] = [];
  #last: Chunk | undefined;
  floor: number;

  /** Takes chunks from `pool`, as long as there are any. */
  constructor(pool: Chunk[], floor: number) {
    this.#pool = pool;
    this.floor = floor;
  }

  get size(): number {
    const last = this.#last;
    return last === undefined ? 0 : (this.#chunks.length - 1) * CHUNK + last.size;
  }

  deadlineAt(index: number): number {
    return (this.#chunks[index >> CHUNK_BITS] as Chunk).deadlines[index & CHUNK_MASK] as number;
  }

  add(deadline: number, slot: number): void {
    let chunk = this.#last;
    if (chunk === undefined || chunk.size === CHUNK) chunk = this.#extend();
    const at = chunk.size++;
    chunk.deadlines[at] = deadline;
    chunk.slots[at] = slot;
  }

  /** Empties the rung: what is left of each chunk comes back by `fill`, in turn. */
  take(): Chunk[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#last = undefined;
    return chunks;
  }

  /** Adds the first `size` entries of a chunk, which becomes one of its own or goes to the pool. */
  fill(chunk: Chunk, size: number): void {
    const { deadlines, slots } = chunk;
    let left = size;
    const last = this.#last;
    if (last !== undefined) {
      let at = last.size;
      while (left > 0 && at < CHUNK) {
        last.deadlines[at] = deadlines[--left] as number;
        last.slots[at++] = slots[left] as number;
      }
      last.size = at;
    }
    chunk.size = left;
    if (left === 0) {
      this.#pool.push(chunk);
    } else {
      this.#chunks.push(chunk);
      this.#last = chunk;
    }
  }

  #extend(): Chunk {
    const chunk = this.#pool.pop() ?? new Chunk();
    chunk.size = 0;
    this.#chunks.push(chunk);
    this.#last = chunk;
    return chunk;
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
 *
 * The entries of a rung are in chunks: growth copies none, and what a rung has read is the next one's room.
 */
export class Ladder {
  readonly #rungs: Rung[] = [];
  /** The chunks that no rung has now. */
  readonly #pool: Chunk[] = [];
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
    for (let high = rungs.length - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (deadline > (rungs[middle] as Rung).floor) high = middle;
      else low = middle + 1;
    }
    (rungs[low] as Rung).add(deadline, slot);
    this.#size++;
  }

  /** Brings the nearest entries to the heap, which must be empty. O(1) for each entry, amortised. */
  refill(heap: NearHeap): void {
    while (heap.size === 0 && this.#rungs.length > 0) {
      let rung = this.#rungs.at(-1) as Rung;
      while (rung.size > TAKEN_MOST) {
        const floor = dividing(rung.size, (index) => rung.deadlineAt(index));
        if (floor === undefined) break;
        rung = this.#divide(rung, floor);
      }
      this.#size -= rung.size;
      for (const chunk of rung.take()) {
        const { deadlines, slots, size } = chunk;
        for (let at = 0; at < size; at++) heap.append(deadlines[at] as number, slots[at] as number);
        this.#pool.push(chunk);
      }
      this.#pop();
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
    this.#size += rung.size;
    heap.truncate(kept);
    heap.order();
  }

  /** Drops the entries of which `drops` says so. O(n). */
  sweep(drops: (slot: number) => boolean): void {
    this.#size = 0;
    for (const rung of this.#rungs) {
      for (const chunk of rung.take()) {
        const { deadlines, slots, size } = chunk;
        let kept = 0;
        for (let at = 0; at < size; at++) {
          const slot = slots[at] as number;
          if (drops(slot)) continue;
          deadlines[kept] = deadlines[at] as number;
          slots[kept++] = slot;
        }
        rung.fill(chunk, kept);
      }
      this.#size += rung.size;
    }
    while (this.#rungs.at(-1)?.size === 0) this.#pop();
  }

  /** Moves the entries of the lowest rung that are up to `floor` to a new one below it. */
  #divide(rung: Rung, floor: number): Rung {
    const below = this.#push(rung.floor);
    rung.floor = floor;
    for (const chunk of rung.take()) {
      const { deadlines, slots, size } = chunk;
      let kept = 0;
      for (let at = 0; at < size; at++) {
        const deadline = deadlines[at] as number;
        const slot = slots[at] as number;
        if (deadline > floor) {
          deadlines[kept] = deadline;
          slots[kept++] = slot;
        } else {
          below.add(deadline, slot);
        }
      }
      rung.fill(chunk, kept);
    }
    return below;
  }

  /** An empty rung below all others. */
  #push(floor: number): Rung {
    const rung = new Rung(this.#pool, floor);
    this.#rungs.push(rung);
    this.#horizon = floor;
    return rung;
  }

  #pop(): void {
    this.#rungs.pop();
    this.#horizon = this.#rungs.at(-1)?.floor ?? Number.POSITIVE_INFINITY;
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
