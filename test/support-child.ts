import { join } from "node:path";

/** Far above what a child needs on a slow machine: one that hangs is killed. */
const LIMIT_MS = 45_000;
/** For a test that waits for one: what a child that was killed has said is told before the test is given up. */
export const CHILD_TEST_MS = LIMIT_MS + 10_000;
const PROD_EVERY_MS = 5;

export interface ChildOptions {
  readonly args?: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command in front of Bun's, such as strace. */
  readonly under?: readonly string[];
  /** Called every few milliseconds from when the child has printed "ready" until it ends. */
  readonly prod?: (pid: number) => void;
  /** After how long it is killed. */
  readonly limitMs?: number;
}

export interface ChildResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs `test/children/<name>` as a process of its own. */
export async function runChild(name: string, options: ChildOptions = {}): Promise<ChildResult> {
  const program = join(import.meta.dir, "children", name);
  const { args = [], env, under = [], prod, limitMs = LIMIT_MS } = options;
  const child = Bun.spawn([...under, process.execPath, program, ...args], {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  // The whole group, whose leader it is: its own children hold the pipes open, and what strace traced goes on.
  const killing = setTimeout(() => killGroup(child.pid), limitMs);
  const stderr = child.stderr.text();
  let stdout = "";
  let prodding: ReturnType<typeof setInterval> | undefined;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    stdout += chunk;
    if (prod !== undefined && prodding === undefined && stdout.includes("ready\n")) {
      prodding = setInterval(() => {
        if (child.exitCode === null && child.signalCode === null) prod(child.pid);
      }, PROD_EVERY_MS);
    }
  }
  const result = { stdout, stderr: await stderr, code: await child.exited };
  clearTimeout(killing);
  clearInterval(prodding);
  return result;
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
}

/** Runs a child that ends with `report`; returns its figures. */
export async function figuresOf(
  name: string,
  options: ChildOptions = {},
): Promise<Record<string, number>> {
  const { stdout, stderr, code } = await runChild(name, options);
  const figures = reportIn(stdout);
  if (code !== 0 || figures === undefined) {
    throw new Error(`${name} ended with ${code}: ${stdout}${stderr}`);
  }
  return figures;
}

/** What `report` printed, as the last line; undefined where it did not come to that. */
export function reportIn(stdout: string): Record<string, number> | undefined {
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  return line.startsWith("{") ? (JSON.parse(line) as Record<string, number>) : undefined;
}

/** In a child: prints what `figuresOf` reads. */
export function report(figures: Readonly<Record<string, number>>): void {
  console.log(JSON.stringify(figures));
}
