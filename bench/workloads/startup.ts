import { join } from "node:path";
import { anew } from "../harness/contestants.ts";
import { type Contestant, told, type Workload } from "../harness/workload.ts";

const LIMIT_MS = 30_000;
const PROGRAMS = join(import.meta.dir, "../peers/startup");
const CASE = "a program";
const ADDED = "added to an empty file";

/** How long `file` takes from its start to its end, and how much longer than an empty one that ran just before. */
function starting(way: string, file: string): Contestant {
  return anew("bun-ioloop", way, async () => {
    const empty = elapsedMs([process.execPath, join(PROGRAMS, "empty.mjs")]);
    const ms = elapsedMs([process.execPath, join(PROGRAMS, file)]);
    return { ms, addedMs: ms - empty };
  });
}

function emptyFile(peer: "Bun" | "Node"): Contestant {
  const command = peer === "Bun" ? [process.execPath] : ["node"];
  return anew(peer, "an empty file", async () => {
    return { ms: elapsedMs([...command, join(PROGRAMS, "empty.mjs")]), addedMs: 0 };
  });
}

function elapsedMs(command: readonly string[]): number {
  const began = performance.now();
  const { exitCode } = Bun.spawnSync([...command], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: LIMIT_MS,
  });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}`);
  return performance.now() - began;
}

export const startup: Workload = {
  name: "startup",
  what: "What importing the package and making the first loop add to the start of a program.",
  cases: [
    {
      name: CASE,
      contestants: [
        starting("with the import", "import.ts"),
        starting("with the first loop", "loop.ts"),
        emptyFile("Bun"),
        emptyFile("Node"),
      ],
      figures: [
        { name: "from start to end", unit: "ms", of: told("ms"), incomparable: true },
        { name: ADDED, unit: "ms", of: told("addedMs"), incomparable: true },
      ],
      rounds: [20, 4],
    },
  ],
  goals: [{ case: CASE, figure: ADDED, of: "bun-ioloop, with the first loop", most: 8 }],
};
