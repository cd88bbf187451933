import { expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { elsewhere, installed, outputOf, PACKAGE_MS, runProgram } from "./support-package.ts";

/** Opens a loop, and tells which library it stands on, or what was wrong with it. */
const PROGRAM = `
  import { readFileSync } from "node:fs";
  import { IOLoop } from "bun-ioloop";
  try {
    using loop = new IOLoop();
    loop.runOnce(0);
    const paths = readFileSync("/proc/self/maps", "utf8").match(/\\/.*\\.so$/gm) ?? [];
    console.log(new Set(paths.filter((path) => /ioloop/.test(path))));
  } catch (error) {
    console.log(error.code, error.message);
  }
`;

async function openWith(library: string): Promise<string> {
  const { project } = await installed();
  const file = join(project, "override.ts");
  writeFileSync(file, PROGRAM);
  return outputOf(project, [process.execPath, file], { BUN_IOLOOP_LIBRARY: library });
}

test(
  "without BUN_IOLOOP_LIBRARY the package's own library is opened, and no other",
  async () => {
    const { package: folder, project } = await installed();
    const library = join(folder, "native", `linux-${process.arch}.so`);
    expect(await runProgram(project, "own.ts", PROGRAM)).toBe(
      `Set(1) {\n  ${JSON.stringify(library)},\n}\n`,
    );
  },
  PACKAGE_MS,
);

test(
  "BUN_IOLOOP_LIBRARY puts another file in its place",
  async () => {
    const { package: folder } = await installed();
    const copy = join(elsewhere(), "another-ioloop.so");
    copyFileSync(join(folder, "native", `linux-${process.arch}.so`), copy);
    expect(await openWith(copy)).toBe(`Set(1) {\n  ${JSON.stringify(copy)},\n}\n`);
  },
  PACKAGE_MS,
);

test(
  "a file that BUN_IOLOOP_LIBRARY names in vain is told, with what to do",
  async () => {
    expect(await openWith("native/linux-x64.so")).toMatch(
      /^ERR_LIBRARY BUN_IOLOOP_LIBRARY is "native\/linux-x64.so": it must be an absolute path/,
    );
    expect(await openWith("/nonexistent/ioloop.so")).toMatch(
      /^ERR_LIBRARY the native library \/nonexistent\/ioloop.so cannot be loaded .*: BUN_IOLOOP_LIBRARY names it; build .* or unset the variable$/m,
    );
  },
  PACKAGE_MS,
);
