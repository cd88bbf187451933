import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

/**
 * Who is measured: this package, what its users would take in its place, and two floors: a bare epoll loop in Zig, and
 * the package's native wait without its loop.
 */
export const PEERS = [
  "bun-ioloop",
  "Bun",
  "Node",
  "libuv",
  "libev",
  "uvloop",
  "bare epoll",
  "bare wait",
] as const;
export type Peer = (typeof PEERS)[number];

const FLOORS: readonly Peer[] = ["bare epoll", "bare wait"];

/** Whether a contestant, by its name, shows the least that a loop can cost, and is none itself. */
export function isFloor(name: string): boolean {
  return FLOORS.some((floor) => name === floor || name.startsWith(`${floor},`));
}

const ROOT = join(import.meta.dir, "../..");
const SOURCES = join(ROOT, "bench/peers");
const COMPILED = join(ROOT, "zig-out/bench");
const COMPILED_MS = 120_000;
/** Debian's own Python, which its python3-uvloop belongs to. */
const PYTHON = "/usr/bin/python3";

/** How the programs of a peer are run. */
interface Way {
  readonly folder: string;
  readonly extension: string;
  /** What stands before the program's file; none for one that is compiled. */
  readonly interpreter?: readonly string[];
  /** Compiles the program; the compiler's arguments, without the output. */
  readonly compiler?: (source: string) => readonly string[];
  /** Prints the peer's version; undefined: the peer is not on this machine. */
  readonly version: () => string | undefined;
  /** How to get it. */
  readonly remedy: string;
}

const WAYS: Readonly<Record<Peer, Way>> = {
  "bun-ioloop": {
    folder: "ioloop",
    extension: "ts",
    interpreter: [process.execPath],
    version: () => manifest.version,
    remedy: "npm run build",
  },
  Bun: {
    folder: "bun",
    extension: "ts",
    interpreter: [process.execPath],
    version: () => Bun.version,
    remedy: "",
  },
  Node: {
    folder: "node",
    extension: "mjs",
    interpreter: ["node"],
    version: () => firstLine(["node", "--version"]),
    remedy: "install Node",
  },
  libuv: {
    folder: "libuv",
    extension: "c",
    compiler: (source) => ["cc", "-O2", source, "-luv"],
    version: () =>
      defined(
        "/usr/include/uv/version.h",
        "UV_VERSION_MAJOR",
        "UV_VERSION_MINOR",
        "UV_VERSION_PATCH",
      ),
    remedy: "apt-get install libuv1-dev",
  },
  libev: {
    folder: "libev",
    extension: "c",
    compiler: (source) => ["cc", "-O2", source, "-lev"],
    version: () => defined("/usr/include/ev.h", "EV_VERSION_MAJOR", "EV_VERSION_MINOR"),
    remedy: "apt-get install libev-dev",
  },
  uvloop: {
    folder: "uvloop",
    extension: "py",
    interpreter: [PYTHON],
    version: () => firstLine([PYTHON, "-c", "import uvloop; print(uvloop.__version__)"]),
    remedy: "apt-get install python3-uvloop",
  },
  "bare epoll": {
    folder: "zig",
    extension: "zig",
    compiler: (source) => ["build-exe", "-OReleaseFast", source],
    version: () => firstLine([zig(), "version"]),
    remedy: "npm install",
  },
  "bare wait": {
    folder: "floor",
    extension: "ts",
    interpreter: [process.execPath],
    version: () => Bun.version,
    remedy: "",
  },
};

const versions = new Map<Peer, string | undefined>();

/** The version of a peer on this machine; undefined where it is missing. */
export function versionOf(peer: Peer): string | undefined {
  if (!versions.has(peer)) versions.set(peer, WAYS[peer].version());
  return versions.get(peer);
}

/** Why a peer is not measured. */
export function whyMissing(peer: Peer): string {
  return `not on this machine: ${WAYS[peer].remedy}`;
}

/** The command that runs `program` of a peer that is on this machine; compiles it, where that was not done. */
export function commandOf(peer: Peer, program: string): readonly string[] {
  const { folder, extension, interpreter, compiler } = WAYS[peer];
  const own = join(SOURCES, folder, `${program}.${extension}`);
  // What JavaScript says in one way on both, Bun and Node run from the same file.
  const source = existsSync(own) ? own : join(SOURCES, "javascript", `${program}.mjs`);
  if (interpreter !== undefined) return [...interpreter, source];
  return [compile(join(COMPILED, folder, program), compiler?.(source) ?? [])];
}

const compiled = new Set<string>();

function compile(output: string, command: readonly string[]): string {
  if (compiled.has(output)) return output;
  mkdirSync(dirname(output), { recursive: true });
  const emit = command[0] === "cc" ? ["-o", output] : [`-femit-bin=${output}`];
  const { exitCode, stderr } = Bun.spawnSync([zig(), ...command, ...emit], {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: COMPILED_MS,
  });
  if (exitCode !== 0) throw new Error(`zig ${command.join(" ")}: ${stderr}`);
  compiled.add(output);
  return output;
}

function zig(): string {
  return join(ROOT, "node_modules/.bin/zig");
}

function firstLine(command: readonly string[]): string | undefined {
  if (Bun.which(command[0] as string) === null) return undefined;
  const { exitCode, stdout } = Bun.spawnSync([...command], { stdio: ["ignore", "pipe", "ignore"] });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}

/** The numbers that a C header gives to macros, joined by points. */
function defined(header: string, ...macros: readonly string[]): string | undefined {
  if (!existsSync(header)) return undefined;
  const text = readFileSync(header, "utf8");
  const values = macros.map((macro) => new RegExp(`define ${macro}\\s+(\\d+)`).exec(text)?.[1]);
  return values.every((value) => value !== undefined) ? values.join(".") : undefined;
}
