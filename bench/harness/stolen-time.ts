import { readFileSync } from "node:fs";

/**
 * Begins to watch what the host of a virtual machine takes from it. What it returns tells which part of the processor
 * time that was wanted since has gone to other machines, 0 to 1.
 */
export function watchStolenTime(read = readProcessorLines): () => number {
  const before = processorTicks(read());
  return () => {
    const after = processorTicks(read());
    const stolen = after.stolen - before.stolen;
    const wanted = after.busy - before.busy + stolen;
    return wanted === 0 ? 0 : stolen / wanted;
  };
}

/** Of all cores since the start of the system, as the first line of /proc/stat has it; proc_stat(5). */
function processorTicks(lines: string): { readonly busy: number; readonly stolen: number } {
  const [line = ""] = lines.split("\n", 1);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { busy: user + nice + system + irq + softirq, stolen };
}

function readProcessorLines(): string {
  return readFileSync("/proc/stat", "utf8");
}
