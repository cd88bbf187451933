import { NO_READINESS, programs } from "../harness/contestants.ts";
import { type Case, told, type Workload } from "../harness/workload.ts";

const WRITES = 1000;

function chained(pairs: number, active: number): Case {
  return {
    name: `${pairs.toLocaleString("en")} pairs, ${active} active`,
    contestants: programs(
      ["bun-ioloop", "libuv", "libev", "uvloop", "bare epoll"],
      "chain",
      ({ pick }) => [pairs, active, WRITES, pick(400, 200)],
    ),
    figures: [{ name: "CPU per event", unit: "ns", of: told("cpuNsPerEvent") }],
    rounds: [5, 1],
  };
}

export const chain: Workload = {
  name: "chain",
  what: "libevent's benchmark: each of N socket pairs passes a byte on to the next, A of them at a time. An event is a wait's share, a read and a write.",
  without: NO_READINESS,
  cases: [chained(100, 1), chained(100, 100), chained(1000, 100)],
};
