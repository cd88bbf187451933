import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TimerHeap } from "../src/timer-heap.ts";
import { figuresOf } from "./support-child.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";

interface Entry {
  readonly ref: number;
  deadline: number;
  readonly sequence: number;
  readonly value: string;
}

/** What the heap promises, done naively: a list that is sorted at every look. */
class SortedList {
  readonly entries: Entry[] = [];
  sequence = 0;

  first(): Entry | undefined {
    this.entries.sort((a, b) => a.deadline - b.deadline || a.sequence - b.sequence);
    return this.entries[0];
  }

  add(ref: number, deadline: number, value: string): void {
    this.entries.push({ ref, deadline, sequence: this.sequence++, value });
  }

  remove(ref: number): boolean {
    const at = this.entries.findIndex((entry) => entry.ref === ref);
    if (at >= 0) this.entries.splice(at, 1);
    return at >= 0;
  }
}

// Few different deadlines, so that many are equal.
const deadline = fc.oneof(
  fc.integer({ min: 0, max: 4 }),
  fc.double({ min: 0, max: 4, noNaN: true }),
);
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("add" as const), deadline }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), which: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("remove many" as const), each: fc.nat({ max: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("take" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("postpone" as const), by: deadline }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("mark" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("clear" as const), really: fc.nat({ max: 5 }) }),
  },
);

function expectSame(heap: TimerHeap<string>, list: SortedList, mark: number): void {
  const first = list.first();
  expect(heap.size).toBe(list.entries.length);
  expect(heap.nearest).toBe(first?.deadline ?? Number.POSITIVE_INFINITY);
  expect(heap.mark).toBe(list.sequence);
  for (const now of [-1, 1, 2.5, 8]) {
    const due = first !== undefined && first.deadline <= now && first.sequence < mark;
    expect(heap.isDue(now, mark)).toBe(due);
  }
  if (first === undefined) return;
  expect(heap.firstRef).toBe(first.ref);
  expect(heap.firstValue).toBe(first.value);
  expect(heap.firstArg).toBe(`arg of ${first.value}`);
}

describe.each([0, 1] as const)("a timer heap of kind %d", (kind) => {
  test(
    "does what a sorted list does, whatever is added, removed, taken and postponed",
    async () => {
      const property = fc.property(
        fc.array(operation, { maxLength: 300, size: "max" }),
        (operations) => {
          const heap = new TimerHeap<string>(kind);
          const list = new SortedList();
          const given: number[] = [];
          let mark = 0;
          for (const step of operations) {
            if (step.kind === "add") {
              const value = `timer ${given.length}`;
              const ref = heap.add(step.deadline, value, `arg of ${value}`);
              list.add(ref, step.deadline, value);
              given.push(ref);
            } else if (step.kind === "remove" && given.length > 0) {
              const ref = given[step.which % given.length] ?? 0;
              expect(heap.remove(ref)).toBe(list.remove(ref));
              expect(heap.remove(ref)).toBeFalse();
            } else if (step.kind === "remove many") {
              for (let at = 0; at < given.length; at += step.each + 1) {
                const ref = given[at] ?? 0;
                expect(heap.remove(ref)).toBe(list.remove(ref));
              }
            } else if (step.kind === "take" && heap.size > 0) {
              list.remove(heap.firstRef);
              heap.removeFirst();
            } else if (step.kind === "postpone" && heap.size > 0) {
              const first = list.first();
              if (first !== undefined) first.deadline += step.by;
              heap.postponeFirst(heap.nearest + step.by);
            } else if (step.kind === "mark") {
              mark = heap.mark;
            } else if (step.kind === "clear" && step.really === 0) {
              heap.clear();
              list.entries.length = 0;
            }
            expectSame(heap, list, mark);
          }
          expect(new Set(given).size).toBe(given.length);
          const pending = new Set(list.entries.map((entry) => entry.ref));
          for (const ref of given) expect(heap.remove(ref)).toBe(pending.has(ref));
        },
      );
      await holds(`timer heap of kind ${kind}`, property, { runs: 200 });
    },
    PROPERTY_LIMIT_MS,
  );

  // A crowd at one deadline cannot be divided by it: near, where it is all that there is, and far, behind others.
  for (const others of [0, 10_000]) {
    test(`gives 5,000 entries of one deadline back in the order added, after ${others} others`, () => {
      const heap = new TimerHeap<number>(kind);
      for (let index = 0; index < others; index++) heap.add(index % 1000, -1, undefined);
      for (let index = 0; index < 5000; index++) heap.add(5000, index, undefined);
      for (let index = 0; index < others; index++) heap.removeFirst();
      for (let index = 0; index < 5000; index++) {
        expect(heap.firstValue).toBe(index);
        heap.removeFirst();
      }
      expect(heap.size).toBe(0);
    });
  }

  test("gives 100,000 entries back by deadline, equal ones in the order added", () => {
    const heap = new TimerHeap<number>(kind);
    const expected: { deadline: number; value: number }[] = [];
    for (let value = 0; value < 100_000; value++) {
      const at = (value * 7919) % 1000;
      heap.add(at, value, undefined);
      expected.push({ deadline: at, value });
    }
    expected.sort((a, b) => a.deadline - b.deadline);
    let wrong = 0;
    for (const { deadline, value } of expected) {
      if (heap.nearest !== deadline || heap.firstValue !== value) wrong++;
      heap.removeFirst();
    }
    expect({ wrong, left: heap.size }).toEqual({ wrong: 0, left: 0 });
  });

  test("gives back in order the fifth of 100,000 that was not removed, some of it postponed", () => {
    const heap = new TimerHeap<number>(kind);
    const count = 100_000;
    const argOf = (value: number) => (value < count / 2 ? undefined : value);
    const refs = Array.from({ length: count }, (_, value) =>
      heap.add((value * 7919) % 1000, value, argOf(value)),
    );
    const left: { deadline: number; value: number }[] = [];
    for (let step = 0; step < count; step++) {
      // In no order: the two numbers have no common divisor.
      const value = (step * 48_271) % count;
      if (value % 5 === 0) left.push({ deadline: (value * 7919) % 1000, value });
      else if (!heap.remove(refs[value] ?? 0)) throw new Error(`${value} was not pending`);
    }
    const order = (a: (typeof left)[number], b: (typeof left)[number]) =>
      a.deadline - b.deadline || a.value - b.value;
    left.sort(order);
    // Every one of the first thousand goes to a place among the others.
    for (const entry of left.slice(0, 1000)) {
      if (heap.firstValue !== entry.value) throw new Error(`${entry.value} is not the first`);
      entry.deadline += 50 + (entry.value % 900);
      heap.postponeFirst(entry.deadline);
    }
    left.sort(order);
    let wrong = 0;
    for (const { deadline, value } of left) {
      if (heap.nearest !== deadline || heap.firstValue !== value) wrong++;
      if (heap.firstArg !== argOf(value) || heap.firstRef !== refs[value]) wrong++;
      heap.removeFirst();
    }
    expect({ wrong, left: heap.size }).toEqual({ wrong: 0, left: 0 });
  });

  test("an argument is never that of an earlier entry", () => {
    const heap = new TimerHeap<number>(kind);
    for (let value = 0; value < 1000; value++) {
      const ref = heap.add(value, value, value % 3 === 0 ? { value } : undefined);
      if (value % 3 > 0) expect(heap.firstArg).toBeUndefined();
      else expect(heap.firstArg).toEqual({ value });
      if (value % 2 === 0) heap.removeFirst();
      else expect(heap.remove(ref)).toBeTrue();
    }
    expect(heap.size).toBe(0);
  });

  test("a million that come and go, with few pending, take no more slots than those few", () => {
    const heap = new TimerHeap<number>(kind);
    const refs = Array.from({ length: 100 }, (_, value) => heap.add(value, value, undefined));
    let highest = 0;
    for (let step = 0; step < 1_000_000; step++) {
      const at = (step * 37) % refs.length;
      if (!heap.remove(refs[at] ?? 0)) throw new Error(`${step}: it was not pending`);
      const ref = heap.add(step, step, undefined);
      refs[at] = ref;
      highest = Math.max(highest, (ref % 2 ** 26) >> 1);
    }
    expect(highest).toBeLessThan(256);
  });

  test("slots are given out again: the last freed first, and all from the start once none is in use", () => {
    const heap = new TimerHeap<number>(kind);
    const slotOfNew = () => (heap.add(1, 1, undefined) % 2 ** 26) >> 1;
    const slots = Array.from({ length: 5 }, slotOfNew);
    heap.removeFirst();
    heap.removeFirst();
    slots.push(slotOfNew(), slotOfNew(), slotOfNew());
    expect(slots).toEqual([0, 1, 2, 3, 4, 1, 0, 5]);
    heap.clear();
    expect([slotOfNew(), slotOfNew(), slotOfNew()]).toEqual([0, 1, 2]);
    while (heap.size > 0) heap.removeFirst();
    expect([slotOfNew(), slotOfNew()]).toEqual([0, 1]);
  });

  test("each of 70,000 entries has its value, argument and ref, given twice in turn", () => {
    const heap = new TimerHeap<number>(kind);
    const refs = new Set<number>();
    for (const hasArg of [(value: number) => value === 0, (value: number) => value > 40_000]) {
      const given = Array.from({ length: 70_000 }, (_, value) =>
        heap.add(value, value, hasArg(value) ? -value : undefined),
      );
      let wrong = 0;
      for (const [value, ref] of given.entries()) {
        refs.add(ref);
        if (heap.firstValue !== value || heap.firstRef !== ref) wrong++;
        if (heap.firstArg !== (hasArg(value) ? -value : undefined)) wrong++;
        heap.removeFirst();
      }
      expect({ wrong, left: heap.size }).toEqual({ wrong: 0, left: 0 });
    }
    expect(refs.size).toBe(140_000);
  });

  // The ladder keeps entries in chunks of 2048, which later rounds find used.
  test("gives far entries back in order, of which there are as many as chunks hold, and one more or less", () => {
    const heap = new TimerHeap<number>(kind);
    for (const count of [2047, 2048, 2049, 4095, 4096, 4097, 10_240, 10_241]) {
      for (const each of [1, 2, 3, 5]) {
        // What brings the horizon below all others.
        for (let index = 0; index < 4096; index++) heap.add(index / 4096, -1, undefined);
        const left: number[] = [];
        for (let index = 0; index < count; index++) {
          // In no order: 7919 is prime.
          const at = 1 + ((index * 7919) % count);
          const ref = heap.add(at, at, undefined);
          if (index % each === 0) left.push(at);
          else heap.remove(ref);
        }
        for (let index = 0; index < 4096; index++) heap.removeFirst();
        left.sort((a, b) => a - b);
        const wrong = left.filter((at) => {
          const isWrong = heap.nearest !== at || heap.firstValue !== at;
          heap.removeFirst();
          return isWrong;
        });
        expect({ count, each, wrong, size: heap.size }).toEqual({
          count,
          each,
          wrong: [],
          size: 0,
        });
      }
    }
  });

  test("a used ref never names a newer entry", () => {
    const heap = new TimerHeap<number>(kind);
    const used = new Set<number>();
    for (let round = 0; round < 10_000; round++) {
      const taken = heap.add(round, round, undefined);
      const removed = heap.add(round, round, undefined);
      expect(used.has(taken) || used.has(removed) || taken === removed).toBeFalse();
      heap.removeFirst();
      heap.remove(removed);
      used.add(taken).add(removed);
    }
    heap.add(1, 1, undefined);
    heap.add(2, 2, undefined);
    let accepted = 0;
    for (const ref of used) if (heap.remove(ref)) accepted++;
    expect({ accepted, size: heap.size }).toEqual({ accepted: 0, size: 2 });
  });

  test("refs stay used after everything was cleared", () => {
    const heap = new TimerHeap<number>(kind);
    const before = [1, 2, 3].map((at) => heap.add(at, at, undefined));
    heap.clear();
    const after = [1, 2, 3].map((at) => heap.add(at, at, undefined));
    expect(new Set([...before, ...after]).size).toBe(6);
    for (const ref of before) expect(heap.remove(ref)).toBeFalse();
    expect(heap.size).toBe(3);
  });

  test("what was never a ref removes nothing", () => {
    const heap = new TimerHeap<number>(kind);
    const real = heap.add(1, 1, undefined);
    const forged = [
      ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, -1, -real, 0.5],
      ...[1, 2, 3, 2 ** 53 - 1, 2 ** 53, 2 ** 60, Number.MAX_VALUE, Number.MIN_VALUE],
      ...[real + 1, real - 1, real + 2, real - 2, real + 0.5, real + 2 ** 26, real + 2 ** 32],
      ...["x", String(real), "", null, undefined, true, {}, [], [real], () => real],
    ] as unknown as number[];
    for (const ref of forged) expect(heap.remove(ref)).toBeFalse();
    expect(heap.size).toBe(1);
    expect(heap.remove(real)).toBeTrue();
  });
});

test("the refs of the two kinds never meet", () => {
  const timeouts = new TimerHeap<number>(0);
  const intervals = new TimerHeap<number>(1);
  const refs = new Set<number>();
  for (let value = 0; value < 1000; value++) {
    const timeout = timeouts.add(value, value, undefined);
    const interval = intervals.add(value, value, undefined);
    expect(timeouts.remove(interval) || intervals.remove(timeout)).toBeFalse();
    refs.add(timeout).add(interval);
    if (value % 3 === 0) timeouts.remove(timeout);
    if (value % 5 === 0) intervals.remove(interval);
  }
  expect(refs.size).toBe(2000);
});

test("a million pending timers take at most 100 bytes each beside the function, and leave nothing", async () => {
  const figures = await figuresOf("timer-memory.ts");
  const { bytesEach, leftBytes } = figures;
  console.log(
    `  timers: ${bytesEach} bytes each; ${leftBytes} bytes left by 200,000 that were removed`,
  );
  expect(bytesEach).toBeLessThanOrEqual(100);
  // One byte for each of them would be 200,000: what is left are the measurements themselves.
  expect(leftBytes).toBeLessThan(100_000);
}, 20_000);
