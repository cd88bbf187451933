import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import {
  elsewhere,
  installed,
  LIBRARY_END,
  LIBRARY_NAME,
  PACKAGE_MS,
  runProgram,
} from "./support-package.ts";

/** Names what the process has in memory: the files that it maps, or the images that macOS's loader lists. */
const MAPPED_FILES = `
  import { readFileSync } from "node:fs";
  const mappedFiles = () => readFileSync("/proc/self/maps", "utf8").match(/\\/.*$/gm) ?? [];
`;
const LOADED_IMAGES = `
  import { dlopen } from "bun:ffi";
  const { symbols: loader } = dlopen("libSystem.B.dylib", {
    _dyld_image_count: { args: [], returns: "u32" },
    _dyld_get_image_name: { args: ["u32"], returns: "cstring" },
  });
  const mappedFiles = () =>
    Array.from({ length: loader._dyld_image_count() }, (_, index) =>
      String(loader._dyld_get_image_name(index)),
    );
`;

/** Opens a loop, and tells which library it stands on, or what was wrong with it. */
const PROGRAM = `
  ${process.platform === "darwin" ? LOADED_IMAGES : MAPPED_FILES}
  import { IOLoop } from "bun-ioloop";
  try {
    using loop = new IOLoop();
    loop.runOnce(0);
    console.log(new Set(mappedFiles().filter((path) => /ioloop.*\\.${LIBRARY_END}$/.test(path))));
  } catch (error) {
    console.log(error.code, error.message);
  }
`;

async function openWith(library: string): Promise<string> {
  const { project } = await installed();
  return runProgram(project, "override.ts", PROGRAM, { BUN_IOLOOP_LIBRARY: library });
}

test(
  "without BUN_IOLOOP_LIBRARY the package's own library is opened, and no other",
  async () => {
    const { package: folder, project } = await installed();
    const library = join(folder, "native", LIBRARY_NAME);
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
    const copy = join(elsewhere(), `another-ioloop.${LIBRARY_END}`);
    copyFileSync(join(folder, "native", LIBRARY_NAME), copy);
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
