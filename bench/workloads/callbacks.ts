import { program } from "../harness/contestants.ts";
import {
  type Case,
  type Contestant,
  type FigureKind,
  type Length,
  told,
  type Workload,
} from "../harness/workload.ts";

const CPU = { name: "CPU per callback", unit: "ns", of: told("cpuNs") };
const CHAIN = "a chain: each adds the next";
const BULK = "10,000 at a time";

function callbacks(name: string, mode: number, count: number): Case {
  const given = ({ pick }: Length): number[] => [mode, pick(count, count / 5)];
  const ours = (more: number[], way: string): Contestant =>
    program("bun-ioloop", "callbacks", (length) => [...given(length), ...more], way);
  return {
    name,
    contestants: [
      ours([], ""),
      ours([0, 1], "watching an fd"),
      ours([1], "run()"),
      program("Bun", "callbacks", given),
      program("Node", "callbacks", given),
      program("uvloop", "callbacks", given),
    ],
    figures: [CPU],
    rounds: [5, 2],
  };
}

function nanoseconds(name: string, key: string): FigureKind {
  return { name, unit: "ns", of: told(key), incomparable: true };
}

const WITHOUT = "its loop has no queue of callbacks";

export const callbacksWorkload: Workload = {
  name: "callbacks",
  what: "addCallback, and what is nearest to it: setImmediate in Bun and Node, call_soon in uvloop. A loop that has never watched an fd asks the kernel for none; the others have fds of their own. And what the promise costs that microtasks run after each call.",
  without: [
    { peer: "libuv", why: WITHOUT },
    { peer: "libev", why: WITHOUT },
  ],
  cases: [
    callbacks(CHAIN, 0, 1_000_000),
    callbacks(BULK, 1, 3_000_000),
    {
      name: "the end of each call",
      contestants: [program("bare wait", "drain", () => [])],
      figures: [
        nanoseconds("drainMicrotasks() with nothing to drain", "drainNs"),
        nanoseconds("a call that leaves JavaScript and does next to nothing", "leaveNs"),
        nanoseconds("an empty function", "emptyNs"),
      ],
      rounds: [3, 1],
    },
  ],
  goals: [
    { case: CHAIN, figure: CPU.name, of: "bun-ioloop", to: "Node", most: 0.25 },
    { case: CHAIN, figure: CPU.name, of: "bun-ioloop", to: "Bun", most: 0.4 },
    { case: BULK, figure: CPU.name, of: "bun-ioloop", to: "Bun", most: 0.25 },
    { case: CHAIN, figure: CPU.name, of: "bun-ioloop, run()", to: "Bun", most: 1 },
  ],
};
