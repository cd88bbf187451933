import { readdirSync, readFileSync } from "node:fs";
import { anew, HOSTED } from "../harness/contestants.ts";
import type { Peer } from "../harness/peers.ts";
import { idleConnections, serve } from "../harness/process.ts";
import { type Contestant, told, type Workload } from "../harness/workload.ts";

const CONNECTIONS = 1000;
/** What a service does about its new connections is over by then. */
const SETTLED_MS = 1000;

function idling(peer: Peer, given: readonly number[] = [], way = ""): Contestant {
  return anew(peer, way, async ({ pick }) => {
    await using service = await serve(peer, "echo", ...given);
    await using _connections = await idleConnections(service, CONNECTIONS);
    await Bun.sleep(SETTLED_MS);
    const before = usageOf(service.pid);
    const seconds = pick(5, 1);
    await Bun.sleep(seconds * 1000);
    const after = usageOf(service.pid);
    return {
      cpuUs: (after.cpuUs - before.cpuUs) / seconds,
      wakeups: (after.wakeups - before.wakeups) / seconds,
    };
  });
}

/** Of all threads of a process: how long they have run, and how often each was woken. */
function usageOf(pid: number): { cpuUs: number; wakeups: number } {
  let cpuUs = 0;
  let wakeups = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    try {
      cpuUs += Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / 1000;
      const status = readFileSync(`${folder}/status`, "utf8");
      wakeups += Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
    } catch {
      // A thread of a pool that has just ended.
    }
  }
  return { cpuUs, wakeups };
}

export const idle: Workload = {
  name: "idle",
  what: "An echo service with 1,000 connections that say nothing: what it costs to wait.",
  cases: [
    {
      name: "1,000 connections",
      contestants: [
        idling("bun-ioloop"),
        idling("bun-ioloop", HOSTED, "run()"),
        idling("Bun"),
        idling("Node"),
        idling("libuv"),
        idling("libev"),
        idling("uvloop"),
      ],
      figures: [
        { name: "CPU per second", unit: "us", of: told("cpuUs"), incomparable: true },
        { name: "wake-ups per second", unit: "", of: told("wakeups"), incomparable: true },
      ],
      rounds: [2, 1],
    },
  ],
};
