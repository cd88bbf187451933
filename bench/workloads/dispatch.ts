import { anew, NO_READINESS, program, programs } from "../harness/contestants.ts";
import { commandOf } from "../harness/peers.ts";
import { outputOf } from "../harness/process.ts";
import { type Case, type Contestant, told, type Workload } from "../harness/workload.ts";

const NATIVE = ["libuv", "libev", "uvloop", "bare epoll"] as const;
const CPU = { name: "CPU per event", unit: "ns", of: told("cpuNsPerEvent") };
const ROUNDS = [5, 2] as const;
export const READY_CASE = "100 ready";
export const MEMORY_CASE = "without garbage collection";

function alwaysReady(count: number): Case {
  const name = `${count.toLocaleString("en")} ready`;
  return {
    name,
    contestants: [
      ...programs(["bun-ioloop", ...NATIVE], "dispatch", ({ pick }) => [count, 0, pick(400, 200)]),
      program("bare wait", "dispatch", ({ pick }) => [count, 0, pick(400, 200)]),
      program("bare wait", "dispatch", ({ pick }) => [count, 1, pick(400, 200)], "with drains"),
    ],
    figures: [CPU],
    rounds: ROUNDS,
  };
}

function besideIdle(idle: number): Contestant {
  const way = `${idle.toLocaleString("en")} idle`;
  return program("bun-ioloop", "dispatch", ({ pick }) => [100, idle, pick(400, 200)], way);
}

const FEW = besideIdle(100);
const MANY = besideIdle(10_000);

const memory = anew("bun-ioloop", "", ({ pick }) =>
  outputOf([
    "env",
    "BUN_JSC_useGC=0",
    ...commandOf("bun-ioloop", "memory"),
    String(pick(4_000_000, 1_000_000)),
  ]),
);

export const dispatch: Workload = {
  name: "dispatch",
  what: "Socket pairs that are always ready, since nobody reads them: what the loop itself costs for each event. The bare wait is this package's native call and a table of functions, without and with a drainMicrotasks() after each.",
  without: NO_READINESS,
  cases: [
    ...[1, 100, 1000].map(alwaysReady),
    {
      name: "100 ready beside idle ones",
      contestants: [MANY, FEW],
      figures: [CPU],
      rounds: ROUNDS,
      against: "bun-ioloop, 100 idle",
    },
    {
      name: MEMORY_CASE,
      contestants: [memory],
      figures: [{ name: "memory per event", unit: "bytes", of: told("bytesPerEvent") }],
      rounds: [3, 1],
    },
  ],
  goals: [
    ...[READY_CASE, "1,000 ready"].flatMap((name) => [
      { case: name, figure: CPU.name, of: "bun-ioloop", to: "libuv", most: 1.1 },
      { case: name, figure: CPU.name, of: "bun-ioloop", to: "bare epoll", most: 1.15 },
    ]),
    {
      case: "100 ready beside idle ones",
      figure: CPU.name,
      of: "bun-ioloop, 10,000 idle",
      to: "bun-ioloop, 100 idle",
      most: 1.1,
    },
    // The least object takes 16 bytes.
    {
      case: MEMORY_CASE,
      figure: "memory per event",
      of: "bun-ioloop",
      most: 1,
    },
  ],
};
