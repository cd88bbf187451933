import { tmpdir } from "node:os";

/**
 * A command in front of another's: mounts an empty folder over `folder`, runs `script` in it, and mounts it anew
 * with `options`, all of it seen by the other command alone.
 */
export function under(folder: string, options: string, script = ":"): string[] {
  const mount = `mount -t tmpfs tmpfs "$0" && cd "$0" && { ${script}; }`;
  const again = `mount -o remount,${options} "$0" && exec "$@"`;
  return ["unshare", "--map-root-user", "--mount", "sh", "-c", `${mount} && ${again}`, folder];
}

/** Whether this process may mount folders, in a namespace of its own. */
export const canMount =
  process.platform === "linux" &&
  Bun.which("unshare") !== null &&
  Bun.spawnSync([...under(tmpdir(), "ro"), "true"]).exitCode === 0;
if (!canMount) console.log("no folder can be mounted here: tests of odd folders are skipped");
