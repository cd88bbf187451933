import { join } from "node:path";
import { ROOT } from "./support-package.ts";

/** A clean build takes 12 seconds on two processors. */
export const BUILD_LIMIT_MS = 120_000;

/** Runs zig in `cwd`; returns what it prints. Fails with that when zig does. */
export async function zig(arguments_: readonly string[], cwd = ROOT): Promise<string> {
  const child = Bun.spawn([join(ROOT, "node_modules/.bin/zig"), ...arguments_], {
    cwd,
    stdout: "ignore",
    stderr: "pipe",
    timeout: BUILD_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const output = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`zig ${arguments_.join(" ")}: ${output}`);
  return output;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** Compiles the program `test/children/<name>` to `output` for Linux without libc, on any CPU of `arch`. */
export async function compileForLinux(name: string, arch: string, output: string): Promise<void> {
  await compile("build-exe", name, `${ARCHITECTURES[arch]}-linux-none`, output, []);
}

/** Compiles `test/children/<name>` to a library that this system can open. */
export async function compileLibrary(name: string, output: string): Promise<void> {
  const system = process.platform === "darwin" ? "macos" : "linux-none";
  const target = `${ARCHITECTURES[process.arch]}-${system}`;
  await compile("build-lib", name, target, output, ["-dynamic", "-O", "ReleaseSmall"]);
}

async function compile(
  command: string,
  name: string,
  target: string,
  output: string,
  more: readonly string[],
): Promise<void> {
  const cache = ["--cache-dir", join(ROOT, ".zig-cache")];
  const source = join(import.meta.dir, "children", name);
  const options = [...more, "-target", target, "-mcpu=baseline", ...cache];
  await zig([command, ...options, `-femit-bin=${output}`, source]);
}
