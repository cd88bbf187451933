import { moved } from "./typed-array.ts";

const SLOTS = 2 ** 25;
/** By how much a slot's next ref is higher than its last: the rest of a ref is slot * 2 + kind. */
const GENERATION = 2 * SLOTS;
/** Where a slot's last ref has come here, there is no next one. */
const REFS_END = 2 ** 53 - GENERATION;
const CHUNK_BITS = 14;
const CHUNK = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNK - 1;
const CAPACITY_FIRST = 64;
const GROWTH = 2;
const NONE = -1;

/** Keeps the refs of two heaps apart in one number space. */
export type RefKind = 0 | 1;

/** Slots by their index. */
interface SlotList {
  readonly size: number;
  slotAt(index: number): number;
}

/** What belongs to slots in a row. */
class Chunk<Value> {
  records: Float64Array<ArrayBuffer>;
  readonly values: (Value | undefined)[];
  args: unknown[] | undefined;

  constructor(capacity: number) {
    this.records = new Float64Array(2 * capacity);
    this.values = new Array<undefined>(capacity).fill(undefined);
  }

  get capacity(): number {
    return this.values.length;
  }

  grow(): void {
    const capacity = GROWTH * this.capacity;
    this.records = moved(this.records, 2 * capacity);
    while (this.values.length < capacity) this.values.push(undefined);
    while (this.args !== undefined && this.args.length < capacity) this.args.push(undefined);
  }

  setArg(at: number, arg: unknown): void {
    this.args ??= new Array<undefined>(this.capacity).fill(undefined);
    this.args[at] = arg;
  }

  kill(at: number): void {
    this.records[2 * at] = -(this.records[2 * at] as number);
    this.values[at] = undefined;
    if (this.args !== undefined) this.args[at] = undefined;
  }
}

/**
 * What stands behind the entries of a timer heap, and the refs that name it. A slot is pending; dead, when it
 * was removed but the heap still has its entry; or free. All is O(1), growth amortised.
 *
 *   records, two numbers for each slot:  pending  [  ref      | sequence number ]
 *                                        dead     [ -last ref | sequence number ]
 *                                        free     [ -last ref | next free slot  ], the last freed first
 *
 * From #fresh on, all slots are free beside those in the list. ref = (generation * SLOTS + slot) * 2 + kind. Each
 * time a slot is given out it has a higher generation, and one that has used up its generations is never given out
 * again: within one heap no ref comes twice.
 *
 * All is in chunks: growth copies none but the first, which starts small, and the collector looks again only at chunks
 * that were written to. A chunk has no arguments before one that is not undefined.
 */
export class TimerSlots<Value> {
  readonly #kind: RefKind;
  readonly #chunks: Chunk<Value>[] = [];
  #made = 0;
  #firstFree = NONE;
  #freeCount = 0;
  /** Slots from here on have not been given out since all were free, and are so in the order of memory. */
  #fresh = 0;
  #sequence = 0;
  /** Where `fetch` leaves what it has loaded, so that the compiler does not leave it out. */
  fetched = 0;

  constructor(kind: RefKind) {
    this.#kind = kind;
  }

  /** The sequence number of the next to be taken. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Whether none is left to take. */
  get exhausted(): boolean {
    return this.#freeCount === 0 && this.#fresh === SLOTS;
  }

  /** From free to pending. */
  take(value: Value, arg: unknown): number {
    const listed = this.#freeCount > 0;
    const slot = listed ? this.#firstFree : this.#takeFresh();
    const chunk = this.#chunkOf(slot);
    const at = slot & CHUNK_MASK;
    const records = chunk.records;
    if (listed) {
      this.#firstFree = (records[2 * at + 1] as number) | 0;
      this.#freeCount--;
    }
    records[2 * at] = GENERATION - (records[2 * at] as number);
    records[2 * at + 1] = this.#sequence++;
    chunk.values[at] = value;
    if (arg !== undefined) chunk.setArg(at, arg);
    return slot;
  }

  /**
   * From pending to dead: its value and argument are let go. Returns the slot that `ref` names; below 0 for anything
   * else than a ref that is pending.
   */
  kill(ref: number): number {
    if (typeof ref !== "number" || !(ref > 0)) return NONE;
    const slot = (ref - Math.floor(ref / GENERATION) * GENERATION) >> 1;
    if (slot >= this.#made) return NONE;
    const chunk = this.#chunkOf(slot);
    const at = slot & CHUNK_MASK;
    if (chunk.records[2 * at] !== ref) return NONE;
    chunk.kill(at);
    return slot;
  }

  /** Of a pending slot, as are the next two. */
  refOf(slot: number): number {
    return this.#chunkOf(slot).records[2 * (slot & CHUNK_MASK)] as number;
  }

  valueOf(slot: number): Value {
    return this.#chunkOf(slot).values[slot & CHUNK_MASK] as Value;
  }

  argOf(slot: number): unknown {
    return this.#chunkOf(slot).args?.[slot & CHUNK_MASK];
  }

  /** Of a slot that is not free, as is the next. */
  sequenceOf(slot: number): number {
    return this.#chunkOf(slot).records[2 * (slot & CHUNK_MASK) + 1] as number;
  }

  /** Whether `slot` was taken before `other`. */
  isEarlier(slot: number, other: number): boolean {
    return this.sequenceOf(slot) < this.sequenceOf(other);
  }

  /** From dead to free, unless its refs are used up. Whether it was dead, and not pending. */
  reclaim(slot: number): boolean {
    const chunk = this.#chunkOf(slot);
    if ((chunk.records[2 * (slot & CHUNK_MASK)] as number) > 0) return false;
    this.#free(chunk, slot);
    return true;
  }

  /** From pending or dead to free. */
  discard(slot: number): void {
    const chunk = this.#chunkOf(slot);
    const at = slot & CHUNK_MASK;
    if ((chunk.records[2 * at] as number) > 0) chunk.kill(at);
    this.#free(chunk, slot);
  }

  /**
   * Has the processor load what the fires of these slots will touch. A million timers do not fit into its cache, and in
   * this loop it waits for many loads at a time, where the fires would wait for each.
   */
  fetch(list: SlotList): void {
    let sum = 0;
    for (let index = 0; index < list.size; index++) {
      const slot = list.slotAt(index);
      if (this.valueOf(slot) !== undefined) sum += this.refOf(slot);
    }
    this.fetched = sum;
  }

  #free({ records }: Chunk<Value>, slot: number): void {
    const at = slot & CHUNK_MASK;
    if (-(records[2 * at] as number) >= REFS_END) return;
    records[2 * at + 1] = this.#firstFree;
    this.#firstFree = slot;
    this.#freeCount++;
    if (this.#freeCount < this.#fresh) return;
    this.#freeCount = 0;
    this.#fresh = 0;
  }

  #chunkOf(slot: number): Chunk<Value> {
    return this.#chunks[slot >> CHUNK_BITS] as Chunk<Value>;
  }

  #takeFresh(): number {
    const slot = this.#fresh;
    if (slot === this.#made) this.#make();
    this.#fresh = slot + 1;
    return slot;
  }

  /** Makes as many slots as there is room for, having made room. */
  #make(): void {
    const first = this.#made;
    if (first === SLOTS) {
      throw new RangeError(`more than ${SLOTS} timers are pending: remove some before adding more`);
    }
    const start = first & ~CHUNK_MASK;
    if (first === 0) this.#chunks.push(new Chunk(CAPACITY_FIRST));
    else if (first === start) this.#chunks.push(new Chunk(CHUNK));
    else this.#chunkOf(first).grow();
    const { records, capacity } = this.#chunkOf(first);
    this.#made = start + capacity;
    for (let slot = first; slot < this.#made; slot++) {
      records[2 * (slot & CHUNK_MASK)] = -(2 * slot + this.#kind);
    }
  }
}
