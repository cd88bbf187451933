import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The checkout. */
export const ROOT = join(import.meta.dir, "..");

/** How libraries end on this system. */
export const LIBRARY_END = process.platform === "darwin" ? "dylib" : "so";
/** What `native/` holds, sorted. */
export const LIBRARIES = [
  "darwin-arm64.dylib",
  "darwin-x64.dylib",
  "linux-arm64.so",
  "linux-x64.so",
] as const;
/** This system's library among them. */
export const LIBRARY_NAME = `${process.platform}-${process.arch}.${LIBRARY_END}`;

/** Far above what one command needs on a slow machine: one that hangs is killed. */
const COMMAND_MS = 60_000;

/** For a test that runs some commands, the first of which may have to make the package first. */
export const PACKAGE_MS = 180_000;

/** The package as a user has it. */
export interface Installed {
  readonly tarball: string;
  /** A project with nothing in it but the installed package. */
  readonly project: string;
  /** The package's own folder in the project. */
  readonly package: string;
}

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

type Environment = Readonly<Record<string, string>>;

/** Holds all that these tests make, and stands in for the user's home. */
let home: string | undefined;
let made: Promise<Installed> | undefined;

/** Packs the checkout and adds the tarball to an empty project: once, however many tests ask. */
export function installed(): Promise<Installed> {
  made ??= install();
  return made;
}

/** Removes all that the tests of the package have made. */
export function removeInstalled(): void {
  if (home !== undefined) rmSync(home, { recursive: true });
  home = undefined;
  made = undefined;
}

/** A new folder outside of the project. */
export function elsewhere(): string {
  return mkdtempSync(join(homeFolder(), "folder-"));
}

/** A copy of the project, which may be taken away again. */
export async function copyOfProject(): Promise<string> {
  const copy = elsewhere();
  cpSync((await installed()).project, copy, { recursive: true });
  return copy;
}

/**
 * Runs a command where there is nothing but it: no Zig and no other program to be found, no settings of this
 * user, no registry that answers.
 */
export async function execute(
  cwd: string,
  command: readonly string[],
  env: Environment = {},
): Promise<Result> {
  const bare = { PATH: "/nonexistent", HOME: homeFolder(), TMPDIR: homeFolder() };
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...bare, npm_config_registry: closedRegistry(), ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: COMMAND_MS,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, stderr, code: await child.exited };
}

/** What a command prints that must succeed. */
export async function outputOf(
  cwd: string,
  command: readonly string[],
  env: Environment = {},
): Promise<string> {
  const { stdout, stderr, code } = await execute(cwd, command, env);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** Writes a program into `folder`, runs it from there, and returns what it prints. */
export function runProgram(
  folder: string,
  file: string,
  source: string,
  env: Environment = {},
): Promise<string> {
  writeFileSync(join(folder, file), source);
  return outputOf(folder, [process.execPath, file], env);
}

async function install(): Promise<Installed> {
  const npm = Bun.which("npm");
  if (npm === null) throw new Error("npm, which packs the package, is not on PATH");
  const folder = elsewhere();
  // The checkout has been built already, and prepack would build it anew under the other tests.
  const pack = [npm, "pack", "--ignore-scripts", "--pack-destination", folder];
  await outputOf(ROOT, pack, { PATH: process.env["PATH"] ?? "" });
  const [file = ""] = new Bun.Glob("*.tgz").scanSync(folder);
  const tarball = join(folder, file);

  const project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), "{}");
  await outputOf(project, [process.execPath, "add", tarball]);
  return { tarball, project, package: join(project, "node_modules", "bun-ioloop") };
}

function homeFolder(): string {
  home ??= realpathSync(mkdtempSync(join(tmpdir(), "bun-ioloop-package-")));
  return home;
}

/** The address of a port that nobody listens on. */
function closedRegistry(): string {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return `http://127.0.0.1:${port}`;
}
