// What the tests reach: the lines of src/, of which each that they leave out has a reason here, and the functions
// of the native library.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { native } from "../src/native.ts";

const LEAST_PERCENT = 95;

const ONCE = "once in a process, in processes of its own: async-context-late.test.ts";
const KEEPS = "keeps a process alive, or not: hosted-process.test.ts sees it from outside";
const EXECUTABLE = "in single-file executables: package-executable.test.ts";

/** Why lines are not run in the process of the tests: those without a gap of others between them that hold the text. */
const REASONS: readonly (readonly [file: string, text: string, reason: string])[] = [
  ["async-context.ts", "meet();", ONCE],
  ["async-context.ts", "const { run, enterWith } = prototype;", ONCE],
  ["async-context.ts", "function ignore()", ONCE],
  ["async-context.ts", "begun();", ONCE],
  [
    "handlers.ts",
    "return arg === undefined ? handler(target",
    "before the first context, which may be the first test's",
  ],
  [
    "calls.ts",
    "outside === undefined ? func(arg)",
    "before the first context, which may be the first test's",
  ],
  [
    "library-file.ts",
    "return false;",
    "of damaged libraries, in a process of its own: abuse-libraries.test.ts",
  ],
  ["hosted.ts", "keep(kept: boolean)", KEEPS],
  ["ioloop.ts", "ref(): this", KEEPS],
  ["ioloop.ts", "unref(): this", KEEPS],
  ["ioloop.ts", "#keep(kept: boolean)", KEEPS],
  [
    "hosted.ts",
    "function bridgeError",
    "Bun's end of the bridge is refused: faults-hosted.test.ts",
  ],
  ["hosted.ts", "this.#end({ error", "Bun's end of the bridge is refused: faults-hosted.test.ts"],
  ["native.ts", "copies it to", EXECUTABLE],
  [
    "native.ts",
    "install bun-ioloop again",
    "the package's own library is missing: abuse-libraries.test.ts",
  ],
  [
    "options.ts",
    "function printError",
    "writes to stderr: on-error-throws.test.ts reads it of a process",
  ],
  ["registrations.ts", "cannot be watched here", "said on macOS"],
  ["signals.ts", "process.kill(process.pid, name)", "ends the process: signals-beside-bun.test.ts"],
  ["signals.ts", '"sigaction"', "the kernel refuses none of the signals that are let through"],
  ["timer-slots.ts", "timers are pending", "33 million timers, some 3 GB"],
];

/** Lines of a file without a gap of lines that can be reached between them. */
interface Block {
  readonly file: string;
  readonly line: number;
  readonly lines: string[];
}

export interface Coverage {
  /** Those that the report names. */
  readonly files: ReadonlySet<string>;
  readonly percent: number;
  readonly blocks: readonly Block[];
}

/** Reads lcov's format: a file's lines with how often each was run. */
export function readCoverage(report: string, sourceOf: (file: string) => string): Coverage {
  const blocks: Block[] = [];
  const files = new Set<string>();
  let [found, reached] = [0, 0];
  for (const section of report.split("end_of_record")) {
    const file = /^SF:(.*)$/m.exec(section)?.[1] ?? "";
    if (!file.startsWith("src/")) continue;
    files.add(file);
    const source = sourceOf(file).split("\n");
    let block: Block | undefined;
    for (const [, number, count] of section.matchAll(/^DA:(\d+),(\d+)/gm)) {
      found++;
      if (count !== "0") {
        reached++;
        block = undefined;
        continue;
      }
      if (block === undefined) {
        block = { file, line: Number(number), lines: [] };
        blocks.push(block);
      }
      block.lines.push(source[Number(number) - 1] ?? "");
    }
  }
  return { files, percent: (reached / found) * 100, blocks };
}

/** Prints what the tests leave out and why; returns what is wrong with it. */
export function checkCoverage(folder: string): string[] {
  const reportFile = join(folder, "lcov.info");
  if (!existsSync(reportFile)) return ["the tests ended without a report"];
  const report = readFileSync(reportFile, "utf8");
  const root = join(import.meta.dir, "..");
  const coverage = readCoverage(report, (file) => readFileSync(join(root, file), "utf8"));
  const called = new Set(readFileSync(join(folder, "called"), "utf8").split("\n"));
  const wrong: string[] = [];

  console.log(
    `\n${coverage.percent.toFixed(2)} % of the lines of src/ are run by tests. Those that are not:`,
  );
  // Not "less than", which NaN is not either.
  if (!(coverage.percent >= LEAST_PERCENT))
    wrong.push(`less than ${LEAST_PERCENT} % of src/ is run`);
  for (const file of new Bun.Glob("src/*.ts").scanSync(root)) {
    if (!file.endsWith(".d.ts") && !coverage.files.has(file)) wrong.push(`no test loads ${file}`);
  }
  for (const { file, line, lines } of coverage.blocks) {
    const reason = REASONS.find(
      ([name, text]) => file === `src/${name}` && lines.some((one) => one.includes(text)),
    )?.[2];
    const last = line + lines.length - 1;
    console.log(`  ${file}:${line}${last === line ? "" : ` to ${last}`}: ${reason ?? "?"}`);
    if (reason === undefined) wrong.push(`${file}:${line} is not run: ${lines[0]?.trim()}`);
  }

  const names = Object.keys(native());
  const uncalled = names.filter((name) => !called.has(name));
  console.log(`${names.length - uncalled.length} of ${names.length} native functions are called.`);
  for (const name of uncalled) wrong.push(`no test calls ${name}`);
  return wrong;
}
