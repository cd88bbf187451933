import { echo, HOSTED } from "../harness/contestants.ts";
import type { Load } from "../harness/process.ts";
import { type Length, told, type Workload } from "../harness/workload.ts";

const CASE = "1 connection, 64 B";
const P50 = "p50 of the round trip";
const SPIN_US = 50;

const load = ({ pick }: Length): Load => ({
  connections: 1,
  bytes: 64,
  warmMs: 100,
  ms: pick(200, 150),
});

export const latency: Workload = {
  name: "latency",
  what: "One connection whose service and client have a core each: how long one message takes there and back. With spin 50 the loop looks for 50 microseconds before it sleeps. A bare epoll loop in Zig that never sleeps shows what is left of it when nobody has to be woken.",
  cases: [
    {
      name: CASE,
      contestants: [
        echo("bun-ioloop", load),
        echo("bun-ioloop", load, [SPIN_US], "spin 50"),
        echo("bun-ioloop", load, HOSTED, "run()"),
        echo("Bun", load),
        echo("Node", load),
        echo("libuv", load),
        echo("libev", load),
        echo("uvloop", load),
        echo("bare epoll", load, [0]),
        echo("bare epoll", load, [1], "that never sleeps"),
      ],
      figures: [
        { name: P50, unit: "us", of: told("p50Us") },
        { name: "p99 of the round trip", unit: "us", of: told("p99Us") },
        { name: "p99.9 of the round trip", unit: "us", of: told("p999Us") },
        { name: "CPU per message", unit: "ns", of: told("cpuNs") },
      ],
      starts: [2, 1],
      rounds: [10, 3],
    },
  ],
  goals: ["libuv", "Bun", "Node"].flatMap((to) => [
    { case: CASE, figure: P50, of: "bun-ioloop, spin 50", to, most: 0.5 },
    { case: CASE, figure: P50, of: "bun-ioloop", to, most: 1 },
  ]),
};
