import { programs } from "../harness/contestants.ts";
import type { Peer } from "../harness/peers.ts";
import { type Case, type FigureKind, ratioGoal, told, type Workload } from "../harness/workload.ts";

const PEERS = ["bun-ioloop", "Bun", "Node", "libuv", "libev", "uvloop"] as const satisfies Peer[];
const ADD = { name: "CPU to add one", unit: "ns", of: told("addNs") };
const ADD_AND_FIRE = { name: "CPU to add one and fire it", unit: "ns", of: told("totalNs") };
const CANCEL = { name: "CPU to cancel one", unit: "ns", of: told("cancelNs") };
const RESTART = { name: "CPU to restart one", unit: "ns", of: told("restartNs") };
const BYTES = { name: "memory for one", unit: "bytes", of: told("rssBytes") };
const PEAK = { name: "peak memory of the process", unit: "bytes", of: told("peakRssBytes") };

export const MEMORY_CASE = "a million, in a fresh process";
export const FIRE_CASE = "a million, due within a second";
const CANCEL_CASE = "a million, cancelled";
const RESTART_CASE = "10,000, restarted a million times";

function timers(name: string, mode: number, figures: readonly FigureKind[]): Case {
  return {
    name,
    contestants: programs(PEERS, "timers", () => [mode, 1_000_000]),
    figures,
    rounds: [3, 1],
  };
}

export const timersWorkload: Workload = {
  name: "timers",
  what: "A million timers with pseudo-random delays: added and fired, added and cancelled in another order, and 10,000 that are put off again and again, as the timeouts of busy connections are. Half of the work comes before, unmeasured.",
  cases: [
    timers(FIRE_CASE, 0, [ADD_AND_FIRE, ADD]),
    timers(CANCEL_CASE, 1, [CANCEL, ADD]),
    timers(RESTART_CASE, 2, [RESTART]),
    timers(MEMORY_CASE, 3, [BYTES, PEAK]),
  ],
  goals: [
    ratioGoal(FIRE_CASE, ADD_AND_FIRE, "Node", 0.35),
    ratioGoal(FIRE_CASE, ADD_AND_FIRE, "Bun", 0.2),
    ratioGoal(FIRE_CASE, ADD_AND_FIRE, "libuv", 0.3),
    ratioGoal(FIRE_CASE, ADD_AND_FIRE, "libev", 1.1),
    ratioGoal(CANCEL_CASE, CANCEL, "libev", 1.5),
    ratioGoal(RESTART_CASE, RESTART, "libuv", 1),
    { case: MEMORY_CASE, figure: BYTES.name, of: "bun-ioloop", most: 100 },
    ratioGoal(MEMORY_CASE, PEAK, "Node", 0.4),
    ratioGoal(MEMORY_CASE, PEAK, "Bun", 0.6),
  ],
};
