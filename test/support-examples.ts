import { join } from "node:path";

const LIMIT_MS = 30_000;

/** Starts a program of examples/. */
export function example(file: string, ...arguments_: string[]) {
  return Bun.spawn([process.execPath, join(import.meta.dir, "../examples", file), ...arguments_], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
}
