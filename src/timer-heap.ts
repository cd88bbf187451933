import { Ladder } from "./ladder.ts";
import { NearHeap } from "./near-heap.ts";
import { type RefKind, TimerSlots } from "./timer-slots.ts";

/** A heap up to here is not worth a ladder. */
const NEAR_MOST = 2048;
/** So many dead entries are not worth a sweep. */
const DEAD_LEAST = 64;

/**
 * Pending timers, nearest deadline first, those with equal deadlines in the order added. An entry is a deadline and a
 * slot; it lies in one of two places, and no object stands behind it (36 bytes a timer, beside the function):
 *
 *   NearHeap     all up to a horizon, in order; the first one is always pending
 *   Ladder       all beyond it, hardly in any
 *   TimerSlots   what an entry's slot stands for: its ref, value, argument and age
 *
 * A removed entry is dead: it stays until it comes first, or until a removal finds more dead than pending, and one pass
 * drops them all. Its slot is given out again only after that. Memory is kept for the next burst.
 */
export class TimerHeap<Value> {
  readonly #slots: TimerSlots<Value>;
  readonly #near: NearHeap;
  readonly #far = new Ladder();
  #nearMost = NEAR_MOST;
  #size = 0;

  constructor(kind: RefKind) {
    this.#slots = new TimerSlots(kind);
    this.#near = new NearHeap(this.#slots);
  }

  get size(): number {
    return this.#size;
  }

  /** A mark in time: whatever is added from now on does not count as added before it. */
  get mark(): number {
    return this.#slots.sequence;
  }

  /** The nearest deadline; Infinity when nothing is pending. */
  get nearest(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#near.firstDeadline;
  }

  /** Whether the nearest is due at `now` and was added before `mark`. */
  isDue(now: number, mark: number): boolean {
    return (
      this.#size > 0 &&
      this.#near.firstDeadline <= now &&
      this.#slots.sequenceOf(this.#near.firstSlot) < mark
    );
  }

  /** Adds an entry; returns its ref. O(1) for a far one and O(log n) for a near one, amortised. */
  add(deadline: number, value: Value, arg: unknown): number {
    if (this.#slots.exhausted) this.#sweep();
    const slot = this.#slots.take(value, arg);
    if (deadline > this.#far.horizon) this.#far.add(deadline, slot);
    else this.#near.add(deadline, slot);
    this.#size++;
    if (this.#near.size > this.#nearMost) this.#relieve();
    // Whatever comes before it is dead.
    if (this.#size === 1) this.#settleFirst();
    return this.#slots.refOf(slot);
  }

  /**
   * Removes a pending entry; false for a ref that was used, is of another heap, or never was one. O(1), and
   * O(log n) for one that comes first, amortised.
   */
  remove(ref: number): boolean {
    const slot = this.#slots.kill(ref);
    if (slot < 0) return false;
    this.#size--;
    if (this.#near.size + this.#far.size > 2 * this.#size + DEAD_LEAST) this.#sweep();
    if (slot === this.#near.firstSlot) this.#settleFirst();
    return true;
  }

  /** The nearest entry's value, argument and ref; only while something is pending. */
  get firstValue(): Value {
    return this.#slots.valueOf(this.#near.firstSlot);
  }

  get firstArg(): unknown {
    return this.#slots.argOf(this.#near.firstSlot);
  }

  get firstRef(): number {
    return this.#slots.refOf(this.#near.firstSlot);
  }

  /** O(log n), amortised. */
  removeFirst(): void {
    this.#slots.discard(this.#near.firstSlot);
    this.#near.removeFirst();
    this.#size--;
    this.#settleFirst();
  }

  /** Gives the nearest entry a later deadline; its ref and its place among equals stay. O(log n), amortised. */
  postponeFirst(deadline: number): void {
    if (deadline > this.#far.horizon) {
      this.#far.add(deadline, this.#near.firstSlot);
      this.#near.removeFirst();
    } else {
      this.#near.postponeFirst(deadline);
    }
    this.#settleFirst();
  }

  /** Forgets every entry. Their refs stay used. O(n). */
  clear(): void {
    const discard = (slot: number): boolean => {
      this.#slots.discard(slot);
      return true;
    };
    this.#near.sweep(discard);
    this.#far.sweep(discard);
    this.#size = 0;
  }

  /** Has a pending entry be the first one, if there is any. */
  #settleFirst(): void {
    if (this.#size === 0) return;
    for (;;) {
      if (this.#near.size === 0) this.#refill();
      if (!this.#slots.reclaim(this.#near.firstSlot)) break;
      this.#near.removeFirst();
    }
  }

  #refill(): void {
    this.#far.refill(this.#near);
    this.#slots.fetch(this.#near);
    this.#nearMost = Math.max(NEAR_MOST, 2 * this.#near.size);
  }

  #relieve(): void {
    this.#far.relieve(this.#near);
    this.#nearMost = Math.max(NEAR_MOST, 2 * this.#near.size);
  }

  #sweep(): void {
    const drops = (slot: number): boolean => this.#slots.reclaim(slot);
    this.#near.sweep(drops);
    this.#far.sweep(drops);
    this.#settleFirst();
  }
}
