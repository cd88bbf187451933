import { echo as echoService, HOSTED } from "../harness/contestants.ts";
import type { Load } from "../harness/process.ts";
import {
  type Case,
  type FigureKind,
  type Length,
  ratioGoal,
  told,
  type Workload,
} from "../harness/workload.ts";

const PEERS = ["Bun", "Node", "libuv", "libev", "uvloop"] as const;
const NS_PER_TICK = 1e7;

const messages = told("messages");
const CPU: FigureKind = { name: "CPU per message", unit: "ns", of: told("cpuNs") };
/** The kernel samples in ticks whether it is user code that runs, so only many rounds together tell. */
const USER: FigureKind = {
  name: "user CPU per message",
  unit: "ns",
  of: (output) => ((output["userTicks"] as number) * NS_PER_TICK) / messages(output),
  per: messages,
};
const SYSTEM: FigureKind = {
  name: "system CPU per message",
  unit: "ns",
  of: (output) => ((output["systemTicks"] as number) * NS_PER_TICK) / messages(output),
  per: messages,
  incomparable: true,
};
const RATE: FigureKind = {
  name: "messages per second",
  unit: "1/s",
  better: "higher",
  of: told("perSecond"),
};
const P50: FigureKind = { name: "p50 of the round trip", unit: "us", of: told("p50Us") };
const P99: FigureKind = { name: "p99 of the round trip", unit: "us", of: told("p99Us") };
const P999: FigureKind = { name: "p99.9 of the round trip", unit: "us", of: told("p999Us") };
const SERVICE_BUSY: FigureKind = {
  name: "how busy the service's core was",
  unit: "",
  better: "higher",
  of: told("serviceBusy"),
  incomparable: true,
};
const CLIENT_BUSY: FigureKind = {
  name: "how busy the client's core was",
  unit: "",
  of: told("clientBusy"),
  incomparable: true,
};

type Plan = Pick<Case, "starts" | "rounds">;

function busy(connections: number, bytes: number, plan: Plan): Case {
  const load = ({ pick }: Length): Load => ({
    connections,
    bytes,
    warmMs: 100,
    ms: pick(300, 200),
  });
  return {
    name: caseName(connections, bytes),
    contestants: [
      echoService("bun-ioloop", load),
      echoService("bun-ioloop", load, HOSTED, "run()"),
      ...PEERS.map((peer) => echoService(peer, load)),
    ],
    figures: [CPU, USER, SYSTEM, RATE, P50, P99, P999, SERVICE_BUSY, CLIENT_BUSY],
    ...plan,
  };
}

function caseName(connections: number, bytes: number): string {
  const peers = connections === 1 ? "1 connection" : `${connections} connections`;
  return `${peers}, ${bytes === 4096 ? "4 KiB" : `${bytes} B`}`;
}

/** The case that most goals are about. */
export const MAIN_CASE = caseName(64, 64);

export const echo: Workload = {
  name: "echo",
  what: "A TCP echo on one core, loaded by a native client on another one; each connection sends its next message when the last has come back.",
  without: [{ peer: "bare epoll", why: "it is the client" }],
  cases: [
    busy(64, 64, { starts: [3, 1], rounds: [10, 4] }),
    busy(500, 64, { starts: [2, 1], rounds: [6, 2] }),
    ...[
      [1, 64],
      [1, 4096],
      [64, 4096],
      [500, 4096],
    ].map(([connections, bytes]) =>
      busy(connections as number, bytes as number, { rounds: [6, 2] }),
    ),
  ],
  goals: [
    ratioGoal(MAIN_CASE, CPU, "libuv", 1),
    ratioGoal(MAIN_CASE, CPU, "Bun", 0.95),
    ratioGoal(MAIN_CASE, CPU, "Node", 0.72),
    ratioGoal(MAIN_CASE, USER, "Bun", 0.4),
    ratioGoal(MAIN_CASE, USER, "Node", 0.12),
    ...["libuv", "Bun", "Node"].map((to) => ({
      case: MAIN_CASE,
      figure: RATE.name,
      of: "bun-ioloop",
      to,
      // What the noise of this kind of machine leaves of 1.
      least: 0.97,
    })),
    ratioGoal(caseName(500, 64), P99, "libuv", 1),
  ],
};
