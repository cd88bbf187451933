import fc from "fast-check";
import { EDGE, ERROR, ONESHOT, PRI, READ, WRITE } from "../src/index.ts";
import { kqueue } from "./support-backend.ts";
import type { Ending } from "./support-model-subject.ts";

/** What a program does, with how often at rest and how often within a call. */
const OPERATIONS = {
  runOnce: [20, 5],
  runOnceWaiting: [1, 1],
  start: [6, 1],
  runUntil: [2, 1],
  stop: [1, 3],
  close: [1, 1],
  add: [26, 9],
  update: [5, 7],
  blink: [0, 8],
  remove: [2, 8],
  write: [5, 6],
  flood: [6, 3],
  drain: [3, 7],
  fill: [2, 2],
  empty: [1, 2],
  closeFar: [3, 3],
  reopen: [3, 4],
  callback: [4, 5],
  later: [3, 4],
  at: [3, 2],
  wall: [2, 2],
  interval: [2, 1],
  cancel: [2, 4],
  waker: [3, 3],
  wake: [2, 4],
  closeWaker: [1, 1],
  ready: [3, 3],
  sleep: [1, 1],
  abort: [1, 2],
  openStream: [2, 1],
  ask: [3, 4],
  leave: [1, 1],
  look: [1, 3],
  measure: [1, 1],
  peek: [3, 2],
} as const satisfies Record<string, readonly [number, number]>;

export type Operation = keyof typeof OPERATIONS;

export const OPERATION_NAMES = Object.keys(OPERATIONS) as Operation[];
const AT_REST = OPERATION_NAMES.flatMap((name) =>
  new Array<Operation>(OPERATIONS[name][0]).fill(name),
);
const WITHIN = OPERATION_NAMES.flatMap((name) =>
  new Array<Operation>(OPERATIONS[name][1]).fill(name),
);

/** Those that have something called, which then runs a script. */
const SCRIPTED = new Set<Operation>([
  "add",
  "callback",
  "later",
  "at",
  "wall",
  "interval",
  "waker",
  "runUntil",
  "ready",
  "sleep",
  "openStream",
  "ask",
]);
const MOST_DEPTH = 3;
/** How many files there are. */
export const SLOTS = 4;

export interface Action {
  readonly operation: Operation;
  /** Which loop, and which file. */
  readonly on: number;
  readonly slot: number;
  /** What else it takes: each operation has a list of its own for it. */
  readonly value: number;
  readonly script: readonly Action[];
  readonly ending: Ending;
}

const MASKS = [
  ...[READ, WRITE, READ | WRITE, READ, READ | WRITE, READ | ONESHOT],
  ...[READ, WRITE, READ | WRITE, READ | WRITE | PRI, READ | ERROR, ERROR, PRI, 0],
  ...[READ | ONESHOT, WRITE | ONESHOT, READ | EDGE, ERROR | ONESHOT, EDGE],
  // What kqueue tells of one direction is no news of the other.
  ...(kqueue ? [] : [WRITE | EDGE, READ | WRITE | EDGE, READ | WRITE | ONESHOT]),
];
const MASK_NAMES = { READ, PRI, WRITE, ERROR, EDGE, ONESHOT };

const UPDATED_MASKS = [0, 0, 0, ERROR, ERROR, ...MASKS];

export function maskOf(value: number): number {
  return MASKS[value % MASKS.length] ?? 0;
}

export function updatedMaskOf(value: number): number {
  return UPDATED_MASKS[value % UPDATED_MASKS.length] ?? 0;
}

const RETURNING: Ending = { by: "returning", escapes: false };
const ENDINGS: readonly Ending[] = [
  ...new Array<Ending>(16).fill(RETURNING),
  { by: "throwing", escapes: false },
  { by: "throwing", escapes: false },
  { by: "rejecting", escapes: false },
  { by: "throwing", escapes: true },
  { by: "throwing", escapes: true },
  { by: "rejecting", escapes: true },
];

/** Most things happen on the first loop, so that they meet. */
const LOOPS = [0, 0, 0, 0, 1, 1, 1, 2];
const COUNTS = [1, 1, 2, 2, 3];
/** `maxEvents`. Where kqueue has little room, it tells of one direction without the other. */
const ROOMS = kqueue ? [1024] : [1024, 1024, 1, 2];

/** A sequence of actions, and the loops that they are done to. */
export class Program {
  readonly actions: readonly Action[];
  /** The `maxEvents` of each loop. */
  readonly rooms: readonly number[];

  constructor(header: number, codes: readonly number[]) {
    const digits = new Digits(header);
    const count = digits.of(COUNTS);
    this.rooms = Array.from({ length: count }, () => digits.of(ROOMS));
    const decoder = new Decoder(codes, count);
    const actions: Action[] = [];
    while (!decoder.atEnd) actions.push(decoder.next(0));
    this.actions = actions;
  }

  /** Each action on a line, and below it what is done by the call that it leads to. */
  toString(): string {
    const lines = this.actions.map((action) => `  ${show(action, "  ")}`);
    return [`loops with maxEvents ${this.rooms.join(", ")}`, ...lines].join("\n");
  }

  [fc.toStringMethod](): string {
    return this.toString();
  }
}

/** Numbers are drawn and made smaller much faster than structures, so a program is drawn as a list of them. */
export function programs(most: number): fc.Arbitrary<Program> {
  const code = fc.noBias(fc.nat({ max: 0x7ffffffe }));
  const codes = fc.array(code, { minLength: 1, maxLength: most, size: "max" });
  return codes.map(([header = 0, ...rest]) => new Program(header, rest));
}

/** The digits of a number, each of a base of its own. */
class Digits {
  #rest: number;

  constructor(number: number) {
    this.#rest = number;
  }

  below(base: number): number {
    const digit = this.#rest % base;
    this.#rest = Math.floor(this.#rest / base);
    return digit;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Each code is one action; a script takes those that follow it. */
class Decoder {
  readonly #codes: readonly number[];
  readonly #loops: number;
  #at = 0;

  constructor(codes: readonly number[], loops: number) {
    this.#codes = codes;
    this.#loops = loops;
  }

  get atEnd(): boolean {
    return this.#at >= this.#codes.length;
  }

  next(depth: number): Action {
    const digits = new Digits(this.#codes[this.#at++] ?? 0);
    const operation = digits.of(depth === 0 ? AT_REST : WITHIN);
    const on = digits.of(LOOPS) % this.#loops;
    const slot = digits.below(SLOTS);
    const value = digits.below(60);
    const ending = digits.of(ENDINGS);
    const scripted = SCRIPTED.has(operation);
    let left = scripted && depth < MOST_DEPTH ? digits.below(4) : 0;
    const script: Action[] = [];
    for (; left > 0 && !this.atEnd; left--) script.push(this.next(depth + 1));
    return { operation, on, slot, value, script, ending: scripted ? ending : RETURNING };
  }
}

function show({ operation, on, slot, value, script, ending }: Action, indent: string): string {
  const operands = [`loop ${on}`, `file ${slot}`, `value ${value}`];
  if (operation === "add") operands.push(showMask(maskOf(value)));
  if (operation === "update") operands.push(showMask(updatedMaskOf(value)));
  const calls = script.map((each) => show(each, `${indent}  `));
  if (ending.by !== "returning") {
    calls.push(ending.escapes ? `${ending.by}, and onError throws it on` : ending.by);
  }
  const head = `${operation}: ${operands.join(", ")}`;
  return [head, ...calls.map((call) => `${indent}  ${call}`)].join("\n");
}

function showMask(mask: number): string {
  const names = Object.entries(MASK_NAMES).filter(([, bits]) => (mask & bits) === bits);
  return names.map(([name]) => name).join("|") || "0";
}
