import { cpus, release, totalmem } from "node:os";
import type { Machine } from "./results.ts";

/** Names the machine that the figures come from. */
export function describeMachine(versions: Readonly<Record<string, string>>): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryGb: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    system: `Linux ${release()}`,
    versions,
  };
}
