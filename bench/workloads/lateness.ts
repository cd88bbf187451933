import { quantile } from "simple-statistics";
import { program } from "../harness/contestants.ts";
import type { Output } from "../harness/process.ts";
import type { Case, Contestant, Length, Workload } from "../harness/workload.ts";

const PEERS = ["Bun", "Node", "libuv", "libev", "uvloop"] as const;
const SLACK_NS = 1;
const WARM = 100_000;
const P50 = { name: "p50 of the lateness", unit: "us", of: late(0.5) };
const DRIFT = {
  name: "distance from the grid",
  unit: "ms",
  of: (output: Output) => Math.abs(output["driftMs"] as number),
  incomparable: true,
};
const DRIFT_CASE = "an interval of 10 ms, after a minute";
const PERIOD_MS = 10;

function late(part: number): (output: Output) => number {
  return (output) => quantile(output["lateUs"] as number[], part);
}

function timeouts(name: string, delayUs: number, count: number): Case {
  const given = ({ pick }: Length): number[] => [delayUs, pick(count, count / 4)];
  const ours = (more: number[], way: string): Contestant =>
    program("bun-ioloop", "lateness", (length) => [...given(length), ...more], way);
  return {
    name,
    contestants: [
      ours([], ""),
      ours([0, SLACK_NS], "timer slack 1 ns"),
      ours([0, 0, WARM], "compiled before"),
      ours([1], "run()"),
      ...PEERS.map((peer) => program(peer, "lateness", given)),
    ],
    figures: [P50, { name: "p99 of the lateness", unit: "us", of: late(0.99) }],
    rounds: [3, 1],
  };
}

const drift = ({ pick }: Length): number[] => [PERIOD_MS, pick(60, 3)];

export const lateness: Workload = {
  name: "lateness",
  what: "How long after its time a timeout is called, one after the other, and where an interval is after a minute. Linux lets a sleeping thread lie for 50 microseconds longer (PR_SET_TIMERSLACK), and the loop asks it to wake sooner by that; one way of ours has asked for a slack of 1 ns, and one has called 100,000 timeouts before. Bun, Node and libuv have no timeouts under a millisecond.",
  cases: [
    timeouts("0.2 ms", 200, 2000),
    timeouts("1 ms", 1000, 800),
    timeouts("10 ms", 10_000, 100),
    {
      name: DRIFT_CASE,
      contestants: [
        program("bun-ioloop", "drift", drift),
        program("bun-ioloop", "drift", (length) => [...drift(length), 1], "run()"),
        ...PEERS.map((peer) => program(peer, "drift", drift)),
      ],
      figures: [DRIFT],
      rounds: [1, 1],
      together: true,
    },
  ],
  goals: [
    { case: "1 ms", figure: P50.name, of: "bun-ioloop", to: "Node", most: 1 },
    { case: "1 ms", figure: P50.name, of: "bun-ioloop", to: "Bun", most: 1 },
    { case: "0.2 ms", figure: P50.name, of: "bun-ioloop", most: 100 },
    // On the grid but for the lateness of a beat.
    { case: DRIFT_CASE, figure: DRIFT.name, of: "bun-ioloop", most: 1 },
  ],
};
