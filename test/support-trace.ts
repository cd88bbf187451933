import { kqueue } from "./support-backend.ts";

/** Why epoll's system calls cannot be counted here, by strace in front of a child; undefined where they can. */
export function whyUntraceable(): string | undefined {
  if (kqueue) return "the counts are epoll's, and this is kqueue";
  if (Bun.which("strace") === null) return "there is no strace here";
  const { exitCode, stderr } = Bun.spawnSync(["strace", "-f", "-o", "/dev/null", "true"], {
    stderr: "pipe",
  });
  return exitCode === 0 ? undefined : `strace fails (${stderr.toString().trim()})`;
}
