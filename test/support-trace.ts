import { withTimeoutMode } from "./support.ts";
import { kqueue } from "./support-backend.ts";
import { testPoller } from "./support-system.ts";

/** Why epoll's system calls cannot be counted here, by strace in front of a child; undefined where they can. */
export function whyUntraceable(): string | undefined {
  if (kqueue) return "the counts are epoll's, and this is kqueue";
  if (Bun.which("strace") === null) return "there is no strace here";
  const { exitCode, stderr } = Bun.spawnSync(["strace", "-f", "-o", "/dev/null", "true"], {
    stderr: "pipe",
  });
  return exitCode === 0 ? undefined : `strace fails (${stderr.toString().trim()})`;
}

/** Why the waits that may sleep cannot be told from others here; undefined where they can. */
export function whyCoarse(): string | undefined {
  using poller = withTimeoutMode("ns", testPoller);
  return poller.coarse ? "this kernel has no epoll_pwait2, which tells them apart" : undefined;
}

/** The environment of waits in nanoseconds, whatever this run asks for. */
export const NANOSECONDS = { ...process.env, BUN_IOLOOP_TIMEOUT: "" };

/** The system calls that a script makes in a process of its own, of those named, a line each as strace prints them. */
export function systemCallsOf(
  script: string,
  names: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): string {
  const options = ["-f", "-qq", "-e", `trace=${names.join(",")}`, "-e", "signal=none"];
  const command = ["strace", ...options, process.execPath, "-e", script];
  const { exitCode, stderr } = Bun.spawnSync(command, {
    env,
    stderr: "pipe",
    timeout: 20_000,
  });
  const traced = stderr.toString();
  if (exitCode !== 0) throw new Error(traced);
  return traced;
}
