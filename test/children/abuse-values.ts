// Values that no function expects, and those that it does, for the abuse of the public API.
import fc from "fast-check";
import { EDGE, ERROR, ONESHOT, PRI, READ, WRITE } from "../../src/index.ts";
import { liar, longer, revokedProxy } from "../support-abuse.ts";
import { type Arena, Hostile } from "./abuse-arena.ts";

/** Makes one value, new or not. */
export type Maker = (arena: Arena) => unknown;

const NUMBERS = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0.5, 1.5],
  ...[2 ** 31, 2 ** 31 - 1, -(2 ** 31), 2 ** 32, 2 ** 53, 2 ** 64, 1e308, -1e308, 5e-324, 2 ** 24],
];
const TEXTS = ["", "\0", "a\0b", "fd", "SIGUSR2", "x".repeat(100_000), "\ud800", "__proto__", "-1"];
const ARRAYS = [
  ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
] as const;

function hurl(): never {
  throw new Hostile("thrown by what was passed");
}

function trapping(target: object): unknown {
  const traps = Object.getOwnPropertyNames(Reflect).map((name) => [name, hurl] as const);
  return new Proxy(target, Object.fromEntries(traps));
}

/** An object with a getter for each of `names`, which does something to the arena and answers by turns. */
function interfering(arena: Arena, names: readonly string[]): unknown {
  const object = {};
  for (const name of names) {
    const deed = deedOf(arena);
    const answers = [plausible(name)(arena), anyValue(arena), plausible(name)(arena)];
    let asked = arena.random(4) === 0 ? 1 : 0;
    const get = (): unknown => {
      deed();
      return answers[asked++ % answers.length];
    };
    Object.defineProperty(object, name, { get, enumerable: true, configurable: true });
  }
  return object;
}

/** What a getter or a function does in the middle of a call. */
export function deedOf(arena: Arena): () => unknown {
  const { loop, other } = arena;
  return arena.pick<() => unknown>([
    () => undefined,
    hurl,
    () => loop.close(),
    () => other.close(),
    () => loop.stop(),
    () => loop.removeHandler(arena.fd),
    () => shrink(arena.buffer),
    () => shrink(arena.buffer),
    () => loop.closed || loop.addCallback(() => other.close()),
    () => loop.closed || loop.runOnce(0),
    () => arena.meddle(),
    () => arena.meddle(),
    () => arena.meddle(),
    async () => arena.meddle(),
    () => arena.controller.abort(new Hostile("aborted")),
    () => arena.stream.return?.(),
    () => arena.waker.close(),
    () => Promise.reject(new Hostile("rejected")),
    () => thenable({ value: hurl }),
    () => thenable({ get: hurl }),
    () => thenable({ value: (done: () => void) => done() }),
    () => trapping({}),
  ]);
}

function thenable(then: PropertyDescriptor): object {
  // biome-ignore lint/suspicious/noThenProperty: it is to be taken for a promise.
  return Object.defineProperty({}, "then", then);
}

/** Takes a buffer's memory away, or some of it. */
function shrink({ buffer }: Uint8Array): void {
  if (buffer instanceof SharedArrayBuffer || buffer.detached) return;
  if (buffer.resizable) buffer.resize(1);
  else buffer.transfer(0);
}

const OBJECTS: readonly Maker[] = [
  () => null,
  () => undefined,
  () => ({}),
  () => [],
  () => Object.create(null),
  () => Object.freeze({ fd: 2 ** 30 }),
  () => new Date(Number.NaN),
  () => 10n ** 30n,
  () => Symbol("symbol"),
  () => Symbol.iterator,
  () => class Odd {},
  () => Object.assign(() => {}, { fd: -1 }),
  () => Object.defineProperty(() => {}, "name", { get: hurl }),
  () => ({ [Symbol.toPrimitive]: hurl, valueOf: hurl, toString: hurl }),
  () => ({
    get fd() {
      return hurl();
    },
  }),
  revokedProxy,
  () => trapping({}),
  () => trapping(() => {}),
  ({ loop }) => new Proxy(loop, {}),
  ({ loop }) => loop,
  ({ other }) => other,
  ({ closed }) => closed,
  ({ turbo }) => turbo,
  ({ waker }) => waker,
  ({ stream }) => stream,
  ({ channel }) => channel.port1,
  ({ channel }) => Object.create(channel.port1),
  () => Object.create(MessagePort.prototype),
  () => Object.create(AbortSignal.prototype, { aborted: { value: false } }),
  () => AbortSignal.abort(new Hostile("aborted before")),
  ({ controller }) => new Proxy(controller.signal, {}),
  () => Promise.resolve(1),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => new Uint8Array(0),
  () => new Proxy(new Uint8Array(8), {}),
  () => Object.create(Uint8Array.prototype, { length: { value: 8 } }),
  (arena) => new (arena.pick(ARRAYS))(8),
  (arena) => Object.setPrototypeOf(new (arena.pick(ARRAYS))(8), Uint8Array.prototype),
  () => liar(),
  longer,
  (arena) => interfering(arena, ["fd", "then", "signal", "timeout"]),
  deedOf,
];

let anything: readonly unknown[] = [];

/** Draws the values of fast-check's that later calls are given. */
export function draw(seed: number): void {
  const arbitrary = fc.anything({
    maxDepth: 2,
    ...{ withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withSet: true },
    ...{ withNullPrototype: true, withSparseArray: true, withTypedArray: true },
  });
  // A small number could be one of Bun's own fds.
  anything = fc.sample(
    arbitrary.filter((value) => !isSmall(value)),
    { seed, numRuns: 500 },
  );
}

function isSmall(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value < 2 ** 20;
}

/** Any value at all. */
export function anyValue(arena: Arena): unknown {
  switch (arena.random(4)) {
    case 0:
      return arena.pick(NUMBERS);
    case 1:
      return arena.pick(arena.random(3) === 0 ? TEXTS : anything);
    default:
      return arena.pick(OBJECTS)(arena);
  }
}

const few: Maker = ({ random }) => random(10) || -0;
const callback: Maker = deedOf;
const options =
  (...names: readonly string[]): Maker =>
  (arena) =>
    interfering(
      arena,
      names.filter(() => arena.random(2) === 0),
    );

const PLAUSIBLE: Readonly<Record<string, Maker>> = {
  fd: ({ fd }) => fd,
  carrier: (arena) => {
    const deed = deedOf(arena);
    const meddling = arena.random(4) === 0;
    const get = (): number => {
      if (meddling) deed();
      return arena.fd;
    };
    return arena.random(2) === 0 ? arena.fd : Object.defineProperty({}, "fd", { get });
  },
  events: ({ random }) => random(READ | PRI | WRITE | ERROR | EDGE | (ONESHOT + 1)),
  callback,
  few,
  place: ({ random }) => (random(2) === 0 ? undefined : random(10)),
  ref: (arena) => arena.pick(arena.refs),
  timestamp: ({ random }) => Date.now() + random(3),
  soon: ({ loop, random }) => loop.time() + random(3),
  signal: ({ controller }) => controller.signal,
  timeout: few,
  waiting: options("signal", "timeout"),
  work: (arena) => arena.pick([deedOf(arena), Promise.resolve(2), new Promise(() => {})]),
  signo: (arena) =>
    arena.pick([
      "SIGUSR2",
      "SIGWINCH",
      "SIGHUP",
      "SIGKILL",
      "SIGSEGV",
      "SIGCHLD",
      9,
      11,
      28,
      33,
      64,
    ]),
  pid: (arena) => arena.pick([2 ** 30, 2 ** 31 - 1, 0, process.pid]),
  port: (arena) => arena.pick([0, 0, 1, 65_535, 65_536]),
  messages: (arena) => arena.pick([arena.channel.port1, arena.channel.port2]),
  hostname: (arena) =>
    arena.pick(["127.0.0.1", "::1", "0.0.0.0", "localhost", "fe80::1%lo", "::%"]),
  unix: (arena) => arena.pick(["socket", "\0abuse", "a\0b", "x".repeat(107), "x".repeat(108)]),
  backlog: few,
  reusePort: () => true,
  type: (arena) => arena.pick(["stream", "datagram", "raw"]),
  endpoint: (arena) =>
    arena.pick([
      { hostname: "127.0.0.1", port: arena.port, type: arena.pick(["stream", "datagram"]) },
      { unix: arena.pick(["socket", "\0abuse"]) },
      options("hostname", "port", "type", "backlog", "reusePort")(arena),
      options("unix", "type", "backlog")(arena),
      options("hostname", "port", "unix")(arena),
    ]),
  sender: (arena) =>
    arena.pick([
      {},
      Object.freeze({}),
      {
        set hostname(_: unknown) {
          deedOf(arena)();
        },
      },
    ]),
  buffer: (arena) => (arena.random(8) === 0 ? arena.pick([liar(), longer()]) : arena.buffer),
  direction: (arena) => arena.pick(["read", "write", "both", "none"]),
  id: ({ waker }) => waker.id,
  maxEvents: (arena) => arena.pick([1, 2, 65_536, 65_537, 1e9]),
  spin: (arena) => arena.pick([0, 1, 20, 1e6 + 1]),
  maxWait: (arena) => arena.pick([1, 0.001, Number.POSITIVE_INFINITY, 0]),
  onError: ({ onError }) => onError,
  slowCallback: few,
  onSlow: () => () => {},
  settings: options("maxEvents", "spin", "maxWait", "onError", "slowCallback", "onSlow"),
  details: options("errno", "syscall", "fd", "cause"),
  hostile: () => new Hostile("passed"),
  any: anyValue,
};

export function plausible(name: string): Maker {
  return PLAUSIBLE[name] ?? anyValue;
}
