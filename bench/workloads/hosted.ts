import { join } from "node:path";
import { median, quantile } from "simple-statistics";
import { anew } from "../harness/contestants.ts";
import {
  type Child,
  type Output,
  type Side as ProcessSide,
  pinned,
  start,
} from "../harness/process.ts";
import {
  type Case,
  type Contestant,
  type Length,
  told,
  type Workload,
} from "../harness/workload.ts";

const PROGRAMS = join(import.meta.dir, "../peers/hosted");
const GAP_MS = 2;
const ECHO_RATE = 10_000;
const HTTP_RATE = 4000;
const WARM_SECONDS = 0.5;
type Side = "bun" | "loop";

type Times = { readonly count: number; readonly p50: number; readonly p99: number };
type Load = readonly [port: number, kind: "echo" | "http", connections: number, rate: number];

/** Both sides are in one process, so one run measures both: the first that is asked runs it. */
function bothSides(run: (length: Length) => Promise<Record<Side, Output>>): Contestant[] {
  let running: Promise<Record<Side, Output>> | undefined;
  const measure = (side: Side) => async (length: Length) => {
    const mine = running ?? run(length);
    running = running === undefined ? mine : undefined;
    return (await mine)[side];
  };
  return [anew("bun-ioloop", "run()", measure("loop")), anew("Bun", "", measure("bun"))];
}

function program(side: ProcessSide, file: string, ...given: (string | number)[]): Child {
  return start([...pinned(side), process.execPath, join(PROGRAMS, file), ...given.map(String)]);
}

async function fromIdle({ pick }: Length): Promise<Record<Side, Output>> {
  await using reader = program("service", "reader.ts");
  const ports = await reader.next<[number, number]>();
  await using _writer = program("load", "writer.ts", ...ports, pick(800, 200), GAP_MS);
  const { bun, loop } = await reader.next<Record<Side, number[]>>();
  const figures = (latenciesUs: number[]): Output => ({
    p50Us: median(latenciesUs),
    p99Us: quantile(latenciesUs, 0.99),
  });
  return { bun: figures(bun), loop: figures(loop) };
}

/** One client process for all loads, so that two of them do not compete for its core. */
async function measure(seconds: number, ...loads: Load[]): Promise<Times[]> {
  await using client = program(
    "load",
    "client.ts",
    seconds,
    ...loads.map((load) => load.join(":")),
  );
  return await client.next<Times[]>();
}

/** Two sides of one process: each is loaded once unmeasured, and then in turn the first. */
function underLoad(connections: number): Case {
  let loopFirst = false;
  return {
    name: `an echo for ${connections} connections`,
    contestants: bothSides(async ({ pick }) => {
      await using server = program("service", "server.ts");
      const [, bunPort, loopPort] = await server.next<[number, number, number]>();
      const load = async (port: number, seconds: number): Promise<Output> => {
        const [times] = await measure(seconds, [port, "echo", connections, 0]);
        return { p50Us: times?.p50 ?? Number.NaN, p99Us: times?.p99 ?? Number.NaN };
      };
      for (const port of [bunPort, loopPort]) await load(port, WARM_SECONDS);
      const seconds = pick(1, 0.4);
      loopFirst = !loopFirst;
      if (!loopFirst) {
        return { bun: await load(bunPort, seconds), loop: await load(loopPort, seconds) };
      }
      const loop = await load(loopPort, seconds);
      return { bun: await load(bunPort, seconds), loop };
    }),
    figures: [
      { name: "p50 of the round trip", unit: "us", of: told("p50Us") },
      { name: "p99 of the round trip", unit: "us", of: told("p99Us") },
    ],
    rounds: [3, 1],
  };
}

/** What the load of either side adds to the other's 99th percentile. */
async function beside({ pick }: Length): Promise<Record<Side, Output>> {
  await using server = program("service", "server.ts");
  const [httpPort, , loopPort] = await server.next<[number, number, number]>();
  const seconds = pick(1, 0.4);
  const http: Load = [httpPort, "http", 32, HTTP_RATE];
  const echo: Load = [loopPort, "echo", 64, ECHO_RATE];
  const [httpAlone] = await measure(seconds, http);
  const [echoAlone] = await measure(seconds, echo);
  const [httpBeside, echoBeside] = await measure(seconds, http, echo);
  const growth = (alone?: Times, together?: Times): Output => ({
    growth: (together?.p99 ?? Number.NaN) / (alone?.p99 ?? Number.NaN),
  });
  return { bun: growth(httpAlone, httpBeside), loop: growth(echoAlone, echoBeside) };
}

export const hosted: Workload = {
  name: "hosted",
  what: `run() beside Bun's own handlers, in one process: a write every ${GAP_MS} ms by another process to Bun.connect's handler and to the loop's; an echo by Bun.listen and by the loop; and both sides under load, Bun.serve with ${HTTP_RATE.toLocaleString("en")} requests and the loop with ${ECHO_RATE.toLocaleString("en")} messages a second.`,
  cases: [
    {
      name: "from idle",
      contestants: bothSides(fromIdle),
      figures: [
        { name: "p50 from the write to its reader", unit: "us", of: told("p50Us") },
        { name: "p99 from the write to its reader", unit: "us", of: told("p99Us") },
      ],
      rounds: [3, 1],
    },
    ...[1, 8, 64].map(underLoad),
    {
      name: "both sides loaded",
      contestants: bothSides(beside),
      figures: [
        {
          name: "p99 beside the other's load, by p99 alone",
          unit: "",
          of: told("growth"),
          incomparable: true,
        },
      ],
      rounds: [3, 1],
    },
  ],
};
