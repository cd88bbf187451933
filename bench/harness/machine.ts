import { cpus, release, totalmem } from "node:os";
import { PEERS, versionOf } from "./peers.ts";
import type { Machine } from "./results.ts";

/** Names the machine that the figures come from. */
export function describeMachine(): Machine {
  const processors = cpus();
  const versions: Record<string, string> = {};
  for (const peer of PEERS) {
    const version = versionOf(peer);
    if (version !== undefined) versions[peer] = version;
  }
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryGb: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    system: `Linux ${release()}`,
    versions,
  };
}
