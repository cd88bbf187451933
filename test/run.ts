// Runs every suite under an outer limit and prints one closing line. Arguments that begin with -D go to
// `zig build`, others to `bun test`; --coverage also checks what the tests reach.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkCoverage } from "./coverage.ts";
import { CHILD_TEST_MS } from "./support-child.ts";
import { emulator } from "./support-emulator.ts";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A blocked loop cannot be interrupted from within, so whole suites are ended from outside. */
const LIMIT_MS = 900_000;
/** For a test that names no limit of its own: more than a child of it may take, whose own report must come first. */
const TEST_MS = CHILD_TEST_MS;
/** After the end of a suite, for what it wrote last. */
const LEFT_BEHIND_MS = 2000;
/** How many tests at once, in the files that bunfig.toml names. */
const CONCURRENCY = 4;
const root = join(import.meta.dir, "..");

async function execute(
  command: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const child = Bun.spawn(command, {
    cwd: root,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of child.stderr) {
      process.stderr.write(chunk);
      output += decoder.decode(chunk, { stream: true });
    }
  })();
  const code = await child.exited;
  // A program that a test has left behind may hold the pipe.
  await Promise.race([reading, Bun.sleep(LEFT_BEHIND_MS)]);
  if (child.signalCode === "SIGKILL") {
    console.error(`${command[0]} was ended after ${LIMIT_MS / 1000} s: a test hangs`);
  }
  return { code, output };
}

async function runZig(arguments_: string[]): Promise<Counts> {
  const foreign = process.arch === "arm64" ? "x64" : "arm64";
  const emulate = emulator(foreign) === undefined ? [] : ["-fqemu"];
  const command = ["zig", "build", "test", "--summary", "all", ...emulate, ...arguments_];
  const { code, output } = await execute(command);
  const passed = /(\d+)\/\d+ tests passed/.exec(output)?.[1];
  const failed = /(\d+) failed/.exec(output)?.[1];
  return {
    passed: Number(passed ?? 0),
    failed: Math.max(Number(failed ?? 0), code === 0 && passed !== undefined ? 0 : 1),
    skipped: Number(/(\d+) skipped/.exec(output)?.[1] ?? 0),
  };
}

async function runBun(arguments_: string[]): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "bun-ioloop-test-"));
  const report = join(folder, "report.xml");
  const options = [`--max-concurrency=${CONCURRENCY}`, `--timeout=${TEST_MS}`, "--reporter=junit"];
  options.push(`--reporter-outfile=${report}`);
  const covers = arguments_.includes("--coverage");
  if (covers) {
    options.push("--coverage-reporter=lcov", `--coverage-dir=${folder}`);
    options.push("--preload=./test/coverage-calls.ts");
  }
  try {
    const command = [process.execPath, "test", "test/", ...options, ...arguments_];
    const { code } = await execute(command, { BUN_IOLOOP_CALLED: join(folder, "called") });
    const file = Bun.file(report);
    const summary = (await file.exists())
      ? (/<testsuites[^>]*>/.exec(await file.text())?.[0] ?? "")
      : "";
    const count = (name: string): number =>
      Number(new RegExp(` ${name}="(\\d+)"`).exec(summary)?.[1] ?? 0);
    const failed = Math.max(count("failures"), code === 0 && summary !== "" ? 0 : 1);
    const skipped = count("skipped");
    const passed = Math.max(count("tests") - failed - skipped, 0);
    const uncovered = covers ? checkCoverage(folder) : [];
    for (const what of uncovered) console.error(`coverage: ${what}`);
    return { passed, failed: failed + uncovered.length, skipped };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const given = process.argv.slice(2);
const zig = await runZig(given.filter((argument) => argument.startsWith("-D")));
const bun = await runBun(given.filter((argument) => !argument.startsWith("-D")));
const failed = zig.failed + bun.failed;
const skipped = zig.skipped + bun.skipped;
const tail = skipped > 0 ? `, ${skipped} skipped` : "";
console.log(`${zig.passed + bun.passed} passed, ${failed} failed${tail}`);
process.exit(failed === 0 ? 0 : 1);
