// Runs every suite over kqueue, which libkqueue lends to Linux. Arguments go to `bun test`.
import { dlopen } from "bun:ffi";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

function isInstalled(): boolean {
  try {
    dlopen("libkqueue.so", { kqueue: { args: [], returns: "i32" } });
    return true;
  } catch {
    return false;
  }
}

/** Runs a command in the checkout; a failure ends this process too. */
function run(...command: string[]): void {
  const env = { ...process.env, BUN_IOLOOP_LIBRARY: join(root, "zig-out", "lib", "libioloop.so") };
  const { exitCode } = Bun.spawnSync(command, {
    cwd: root,
    env,
    stdout: "inherit",
    stderr: "inherit",
  });
  if (exitCode !== 0) process.exit(exitCode ?? 1);
}

if (process.platform === "darwin") {
  console.log("skipped: kqueue is this system's own, and npm test runs on it");
} else if (!isInstalled()) {
  console.log("skipped: libkqueue is not installed");
} else {
  const option = "-Dbackend=kqueue";
  run("zig", "build", option);
  run(process.execPath, join(import.meta.dir, "run.ts"), option, ...process.argv.slice(2));
}
