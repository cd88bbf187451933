import type { Figure, Measure, Ratio, Results, Spread } from "../bench/harness/results.ts";

/** A spread around `median`, of five rounds that differ by `share` of it. */
export function spread(median: number, share = 0.05): Spread {
  const values = [-1.5, -1, 0, 1, 1.5].map((step) => median * (1 + step * share));
  return { values, median, low: median * (1 - share), high: median * (1 + share) };
}

function figure(peer: string, median: number, share?: number): Figure {
  return { peer, ours: peer.startsWith("bun-ioloop"), ...spread(median, share) };
}

export function ratio(of: string, to: string, median: number, share?: number): Ratio {
  return { of, to, how: "paired", ...spread(median, share) };
}

interface Given extends Pick<Measure, "case" | "name" | "unit"> {
  readonly better?: "higher";
  readonly medians: Readonly<Record<string, number>>;
}

/** Of each peer a figure, and of each of our ways the ratio to each of the others. */
export function measure({ medians, better, ...rest }: Given): Measure {
  const figures = Object.entries(medians).map(([peer, median]) => figure(peer, median));
  const ratios = figures.flatMap(({ peer: of, ours, median }) =>
    figures
      .filter((other) => ours && !other.ours && other.median > 0)
      .map((other) => ratio(of, other.peer, median / other.median, 0.03)),
  );
  return { ...rest, better: better ?? "lower", figures, ratios };
}

const ECHO_FEW = "1 connection, 64 B";
const ECHO_MANY = "1,000 connections, 16 KiB";
const TIMERS = "100,000 timeouts & intervals";

const dispatch = measure({
  case: "one pipe",
  name: "time per event",
  unit: "us",
  medians: { "bun-ioloop": 0.456, "Bun's net <native>": 37.1, "setImmediate & poll()": 120 },
});

/** A run of three workloads, with what a page must cope with: losses, gaps, and names that look like markup. */
export const RESULTS: Results = {
  version: 1,
  date: "2026-02-03T04:05:06.789Z",
  quick: false,
  machine: {
    cpu: "AMD EPYC 7763 64-Core Processor",
    cores: 2,
    memoryGb: 7.8,
    system: "Linux 6.8.0-1021 x64",
    versions: {
      "bun-ioloop": "0.1.0",
      Bun: "1.4.5",
      "Node.js": "v24.13.0 <LTS>",
      "libuv, in C": "1.51.0",
      "Tornado on CPython": "6.5.4 on 3.13.9",
    },
  },
  workloads: [
    {
      name: "Echo",
      what: "A server sends back what its clients send. They run in a process of their own, on the other core.",
      disturbed: { rounds: 3, of: 40 },
      missing: [
        { peer: "Turbo.lua", why: "there is no luajit here" },
        { peer: "libevent <2>", why: 'pkg-config says "not found" & so on' },
      ],
      measures: [
        measure({
          case: ECHO_FEW,
          name: "CPU per message",
          unit: "ns",
          medians: {
            "bun-ioloop": 5120,
            "bun-ioloop, hosted": 6045,
            "Bun.listen": 7390,
            "node:net on Node.js": 11_800,
            "libuv, in C": 4400,
            "Tornado on CPython, with its own IOStream": 58_900,
          },
        }),
        measure({
          case: ECHO_FEW,
          name: "messages",
          unit: "1/s",
          better: "higher",
          medians: {
            "bun-ioloop": 61_200,
            "bun-ioloop, hosted": 55_300,
            "Bun.listen": 58_000,
            "node:net on Node.js": 31_850,
            "libuv, in C": 61_700,
          },
        }),
        measure({
          case: ECHO_MANY,
          name: "latency, 99th percentile",
          unit: "ms",
          medians: { "bun-ioloop": 12.3, "Bun.listen": 11.1, "libuv, in C": 12.1 },
        }),
        measure({
          case: ECHO_MANY,
          name: "resident memory at its most",
          unit: "bytes",
          medians: { "bun-ioloop": 52_428_800, "Bun.listen": 61_210_624, "libuv, in C": 3_145_728 },
        }),
        measure({
          case: ECHO_MANY,
          name: "system calls per message",
          unit: "",
          medians: { "bun-ioloop": 2.01, "Bun.listen": 2.6, "libuv, in C": 3 },
        }),
      ],
      goals: [
        {
          case: ECHO_FEW,
          measure: "CPU per message",
          of: "bun-ioloop",
          to: "Bun.listen",
          bound: "most",
          limit: 0.8,
          got: 0.69,
          met: true,
        },
        {
          case: ECHO_FEW,
          measure: "messages",
          of: "bun-ioloop",
          bound: "least",
          limit: 50_000,
          got: 61_200,
          met: true,
        },
        {
          case: ECHO_MANY,
          measure: "latency, 99th percentile",
          of: "bun-ioloop",
          to: "Bun.listen",
          bound: "most",
          limit: 1.05,
          got: 1.108,
          met: false,
        },
      ],
    },
    {
      name: "Dispatch",
      what: "A byte comes through a pipe & its handler reads it; <script>alert(1)</script> stays text.",
      missing: [],
      measures: [
        { ...dispatch, ratios: dispatch.ratios.map((one) => ({ ...one, how: "pooled" })) },
      ],
      goals: [
        {
          case: "one pipe",
          measure: "time per event",
          of: "bun-ioloop",
          bound: "most",
          limit: 0.4,
          got: 0.456,
          met: false,
        },
      ],
    },
    {
      name: "Timers",
      what: "Timeouts are added, and half of them removed before they are due.",
      missing: [{ peer: "libuv, in C", why: "its timers have whole milliseconds only" }],
      measures: [
        measure({
          case: TIMERS,
          name: "time per timeout",
          unit: "ns",
          medians: { "bun-ioloop": 210, setTimeout: 640, "node:timers on Node.js": 305 },
        }),
        measure({ case: TIMERS, name: "missed beats", unit: "", medians: { "bun-ioloop": 0 } }),
      ],
      goals: [],
    },
  ],
};
