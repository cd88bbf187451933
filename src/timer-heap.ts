import { enlarged } from "./typed-array.ts";

/**
 * Pending timers, nearest deadline first, those with equal deadlines in the order added: a 4-ary heap on
 * flat arrays. Add, remove and take are O(log n), and no object stands behind an entry (44 bytes for
 * a timer, beside the function).
 *
 *   by heap position:  #deadlines  [ 5.0 | 7.5 | 7.5 | 9.1 ...      children of p: 4p + 1 ... 4p + 4
 *                      #slots      [  2  |  0  |  3  |  1  ...
 *                                     |
 *   by slot:           #positions, #generations, #sequences, #values, #args
 *
 * A sift moves a hole and stores once, as mourner/flatqueue does. A slot keeps its index while its entry
 * travels, so a ref can name it: ref = (generation * SLOTS + slot) * 2 + kind. A slot's generation is
 * raised whenever it is freed, and a slot that has used up its generations is never given out again:
 * within one heap no ref comes twice.
 */

const SLOTS = 2 ** 25;
const GENERATIONS = 2 ** 27;
const CAPACITY_FIRST = 64;
const NONE = -1;

/** Keeps the refs of two heaps apart in one number space. */
export type RefKind = 0 | 1;

export class TimerHeap<Value> {
  readonly #kind: RefKind;

  #deadlines = new Float64Array(CAPACITY_FIRST);
  #slots = new Uint32Array(CAPACITY_FIRST);
  #length = 0;

  /** The heap position of a pending slot; in a free one -2 - (the next free slot), so below 0. */
  #positions = new Int32Array(CAPACITY_FIRST);
  #generations = new Uint32Array(CAPACITY_FIRST);
  #sequences = new Float64Array(CAPACITY_FIRST);
  readonly #values: (Value | undefined)[] = [];
  readonly #args: unknown[] = [];
  #slotsUsed = 0;
  #free = NONE;

  #sequence = 0;

  constructor(kind: RefKind) {
    this.#kind = kind;
  }

  get size(): number {
    return this.#length;
  }

  /** A mark in time: whatever is added from now on does not count as added before it. */
  get mark(): number {
    return this.#sequence;
  }

  /** The nearest deadline; Infinity when nothing is pending. */
  get nearest(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#deadlines[0] as number);
  }

  /** Whether the nearest is due at `now` and was added before `mark`. */
  isDue(now: number, mark: number): boolean {
    return (
      this.#length > 0 &&
      (this.#deadlines[0] as number) <= now &&
      (this.#sequences[this.#slots[0] as number] as number) < mark
    );
  }

  /** Adds an entry; returns its ref. */
  add(deadline: number, value: Value, arg: unknown): number {
    const slot = this.#takeSlot();
    this.#sequences[slot] = this.#sequence++;
    this.#values[slot] = value;
    this.#args[slot] = arg;
    if (this.#length === this.#deadlines.length) this.#growHeap();
    this.#siftUp(this.#length++, deadline, slot);
    return this.#refOf(slot);
  }

  /** Removes a pending entry; false for a ref that was used, is of another heap, or never was one. */
  remove(ref: number): boolean {
    const slot = this.#slotOf(ref);
    if (slot === NONE) return false;
    this.#removeAt(this.#positions[slot] as number);
    return true;
  }

  /** The nearest entry's value, argument and ref; only while something is pending. */
  get firstValue(): Value {
    return this.#values[this.#slots[0] as number] as Value;
  }

  get firstArg(): unknown {
    return this.#args[this.#slots[0] as number];
  }

  get firstRef(): number {
    return this.#refOf(this.#slots[0] as number);
  }

  removeFirst(): void {
    this.#removeAt(0);
  }

  /** Gives the nearest entry a later deadline; its ref and its place among equals stay. */
  postponeFirst(deadline: number): void {
    this.#siftDown(0, deadline, this.#slots[0] as number);
  }

  /** Forgets every entry. Their refs stay used. */
  clear(): void {
    while (this.#length > 0) this.#freeSlot(this.#slots[--this.#length] as number);
  }

  #removeAt(position: number): void {
    this.#freeSlot(this.#slots[position] as number);
    const last = --this.#length;
    if (position === last) return;
    const deadline = this.#deadlines[last] as number;
    const slot = this.#slots[last] as number;
    if (position > 0 && this.#before(deadline, slot, (position - 1) >> 2)) {
      this.#siftUp(position, deadline, slot);
    } else {
      this.#siftDown(position, deadline, slot);
    }
  }

  #siftUp(start: number, deadline: number, slot: number): void {
    const deadlines = this.#deadlines;
    const slots = this.#slots;
    const positions = this.#positions;
    let hole = start;
    while (hole > 0) {
      const parent = (hole - 1) >> 2;
      if (!this.#before(deadline, slot, parent)) break;
      const moved = slots[parent] as number;
      deadlines[hole] = deadlines[parent] as number;
      slots[hole] = moved;
      positions[moved] = hole;
      hole = parent;
    }
    deadlines[hole] = deadline;
    slots[hole] = slot;
    positions[slot] = hole;
  }

  #siftDown(start: number, deadline: number, slot: number): void {
    const deadlines = this.#deadlines;
    const slots = this.#slots;
    const positions = this.#positions;
    const sequences = this.#sequences;
    const length = this.#length;
    let hole = start;
    for (;;) {
      const first = (hole << 2) + 1;
      if (first >= length) break;
      const end = Math.min(first + 4, length);
      let least = first;
      let leastDeadline = deadlines[first] as number;
      for (let child = first + 1; child < end; child++) {
        const childDeadline = deadlines[child] as number;
        if (childDeadline > leastDeadline) continue;
        if (
          childDeadline < leastDeadline ||
          (sequences[slots[child] as number] as number) <
            (sequences[slots[least] as number] as number)
        ) {
          least = child;
          leastDeadline = childDeadline;
        }
      }
      if (this.#before(deadline, slot, least)) break;
      const moved = slots[least] as number;
      deadlines[hole] = leastDeadline;
      slots[hole] = moved;
      positions[moved] = hole;
      hole = least;
    }
    deadlines[hole] = deadline;
    slots[hole] = slot;
    positions[slot] = hole;
  }

  /** Whether an entry comes before the one at `position`. */
  #before(deadline: number, slot: number, position: number): boolean {
    const other = this.#deadlines[position] as number;
    if (deadline !== other) return deadline < other;
    return (
      (this.#sequences[slot] as number) <
      (this.#sequences[this.#slots[position] as number] as number)
    );
  }

  #refOf(slot: number): number {
    return ((this.#generations[slot] as number) * SLOTS + slot) * 2 + this.#kind;
  }

  #slotOf(ref: number): number {
    if (!Number.isSafeInteger(ref) || ref <= 0 || ref % 2 !== this.#kind) return NONE;
    const number = (ref - this.#kind) / 2;
    const slot = number % SLOTS;
    if (slot >= this.#slotsUsed) return NONE;
    const current = this.#generations[slot] === (number - slot) / SLOTS;
    return current && (this.#positions[slot] as number) >= 0 ? slot : NONE;
  }

  #takeSlot(): number {
    if (this.#free !== NONE) {
      const slot = this.#free;
      this.#free = -2 - (this.#positions[slot] as number);
      return slot;
    }
    if (this.#slotsUsed === SLOTS) {
      throw new RangeError(`more than ${SLOTS} timers are pending: remove some before adding more`);
    }
    if (this.#slotsUsed === this.#positions.length) this.#growSlots();
    const slot = this.#slotsUsed++;
    this.#generations[slot] = 1;
    this.#values.push(undefined);
    this.#args.push(undefined);
    return slot;
  }

  #freeSlot(slot: number): void {
    this.#values[slot] = undefined;
    this.#args[slot] = undefined;
    const generation = (this.#generations[slot] as number) + 1;
    this.#generations[slot] = generation;
    this.#positions[slot] = -2 - this.#free;
    if (generation < GENERATIONS) this.#free = slot;
  }

  #growHeap(): void {
    const capacity = this.#deadlines.length * 2;
    this.#deadlines = enlarged(this.#deadlines, capacity);
    this.#slots = enlarged(this.#slots, capacity);
  }

  #growSlots(): void {
    const capacity = this.#positions.length * 2;
    this.#positions = enlarged(this.#positions, capacity);
    this.#generations = enlarged(this.#generations, capacity);
    this.#sequences = enlarged(this.#sequences, capacity);
  }
}
