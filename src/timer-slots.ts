import { moved } from "./typed-array.ts";

const SLOTS = 2 ** 25;
/** By how much a slot's next ref is higher than its last: the rest of a ref is slot * 2 + kind. */
const GENERATION = 2 * SLOTS;
/** Where a slot's last ref has come here, there is no next one. */
const REFS_END = 2 ** 53 - GENERATION;
const CAPACITY_FIRST = 64;
const GROWTH = 2;
const CHUNK_BITS = 14;
const CHUNK = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNK - 1;
const NONE = -1;

/** Keeps the refs of two heaps apart in one number space. */
export type RefKind = 0 | 1;

/** Slots by their index. */
interface SlotList {
  readonly size: number;
  slotAt(index: number): number;
}

/**
 * What stands behind the entries of a timer heap, and the refs that name it. A slot is pending; dead, when it
 * was removed but the heap still has its entry; or free. All is O(1), growth amortised.
 *
 *   #records, two numbers for each slot:  pending       [  ref      | sequence number ]
 *                                         dead or free  [ -last ref |                 ]
 *   #free, a stack of slots               [ 5 | 17 | 2 ], and all from #fresh on
 *
 * ref = (generation * SLOTS + slot) * 2 + kind. Each time a slot is given out it has a higher generation, and
 * one that has used up its generations is never given out again: within one heap no ref comes twice.
 *
 * Values and arguments are in chunks: growth copies none of them, and the collector looks again only at chunks
 * that were written to. There are none for arguments before one that is not undefined.
 */
export class TimerSlots<Value> {
  readonly #kind: RefKind;
  #records = new Float64Array(2 * CAPACITY_FIRST);
  #free = new Uint32Array(CAPACITY_FIRST);
  #freeCount = 0;
  readonly #values: (Value | undefined)[][] = [];
  readonly #args: unknown[][] = [];
  #made = 0;
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
    const slot =
      this.#freeCount > 0 ? (this.#free[--this.#freeCount] as number) : this.#takeFresh();
    const records = this.#records;
    records[2 * slot] = GENERATION - (records[2 * slot] as number);
    records[2 * slot + 1] = this.#sequence++;
    (this.#values[slot >> CHUNK_BITS] as Value[])[slot & CHUNK_MASK] = value;
    if (arg !== undefined) this.#setArg(slot, arg);
    return slot;
  }

  /** The pending slot that `ref` names; below 0 for anything else. */
  find(ref: number): number {
    if (typeof ref !== "number" || !(ref > 0)) return NONE;
    const slot = (ref - Math.floor(ref / GENERATION) * GENERATION) >> 1;
    return slot < this.#made && this.#records[2 * slot] === ref ? slot : NONE;
  }

  /** From pending to dead: its ref is used, and its value and argument are let go. */
  kill(slot: number): void {
    const records = this.#records;
    records[2 * slot] = -(records[2 * slot] as number);
    (this.#values[slot >> CHUNK_BITS] as undefined[])[slot & CHUNK_MASK] = undefined;
    if (this.#args.length > 0) this.#setArg(slot, undefined);
  }

  isPending(slot: number): boolean {
    return (this.#records[2 * slot] as number) > 0;
  }

  /** Of a pending slot, as are the next two. */
  refOf(slot: number): number {
    return this.#records[2 * slot] as number;
  }

  valueOf(slot: number): Value {
    return (this.#values[slot >> CHUNK_BITS] as Value[])[slot & CHUNK_MASK] as Value;
  }

  argOf(slot: number): unknown {
    return this.#args.length === 0
      ? undefined
      : (this.#args[slot >> CHUNK_BITS] as unknown[])[slot & CHUNK_MASK];
  }

  /** Of a slot that is not free, as is the next. */
  sequenceOf(slot: number): number {
    return this.#records[2 * slot + 1] as number;
  }

  /** Whether `slot` was taken before `other`. */
  isEarlier(slot: number, other: number): boolean {
    return this.sequenceOf(slot) < this.sequenceOf(other);
  }

  /** From dead to free, unless its refs are used up. */
  free(slot: number): void {
    if (-(this.#records[2 * slot] as number) >= REFS_END) return;
    if (this.#freeCount === this.#free.length) {
      this.#free = moved(this.#free, GROWTH * this.#freeCount);
    }
    this.#free[this.#freeCount++] = slot;
    if (this.#freeCount < this.#fresh) return;
    this.#freeCount = 0;
    this.#fresh = 0;
  }

  /** From pending or dead to free. */
  discard(slot: number): void {
    if (this.isPending(slot)) this.kill(slot);
    this.free(slot);
  }

  /**
   * Has the processor load what the fires of these slots will touch. A million timers do not fit into its cache, and in
   * this loop it waits for many loads at a time, where the fires would wait for each.
   */
  fetch(list: SlotList): void {
    const records = this.#records;
    let sum = 0;
    for (let index = 0; index < list.size; index++) {
      const slot = list.slotAt(index);
      if (this.valueOf(slot) !== undefined) sum += records[2 * slot] as number;
    }
    this.fetched = sum;
  }

  #takeFresh(): number {
    const slot = this.#fresh;
    if (slot === this.#made) this.#make();
    this.#fresh = slot + 1;
    return slot;
  }

  #make(): void {
    const slot = this.#made;
    if (slot === SLOTS) {
      throw new RangeError(`more than ${SLOTS} timers are pending: remove some before adding more`);
    }
    if (2 * slot === this.#records.length) this.#records = moved(this.#records, GROWTH * 2 * slot);
    this.#records[2 * slot] = -(2 * slot + this.#kind);
    this.#made = slot + 1;
    extend(this.#values, slot);
    if (this.#args.length > 0) extend(this.#args, slot);
  }

  #setArg(slot: number, arg: unknown): void {
    if (this.#args.length === 0) {
      for (let before = 0; before < this.#made; before++) extend(this.#args, before);
    }
    (this.#args[slot >> CHUNK_BITS] as unknown[])[slot & CHUNK_MASK] = arg;
  }
}

/** Makes a list in chunks longer by `at`, its length: the first chunk grows, the others are made whole. */
function extend(chunks: unknown[][], at: number): void {
  if (at === 0) chunks.push([]);
  if (at < CHUNK) chunks[0]?.push(undefined);
  else if ((at & CHUNK_MASK) === 0) chunks.push(new Array<undefined>(CHUNK).fill(undefined));
}
