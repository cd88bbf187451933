import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "../src/native.ts";
import { thrownBy } from "./support.ts";
import { figuresOfAbuse } from "./support-abuse.ts";
import { runChild } from "./support-child.ts";
import { LIBRARIES, LIBRARY_NAME, ROOT } from "./support-package.ts";
import { expectIOLoopError, Folder } from "./support-system.ts";

const LIBRARY = join(ROOT, "native", LIBRARY_NAME);
const HERE = `${process.platform}-${process.arch}`;
const REMEDY =
  /BUN_IOLOOP_LIBRARY names it; build the library of this version, or unset the variable/;
/** A child that hangs is ended before. */
const CHILD_MS = 30_000;

const looksBefore = process.platform === "linux";
if (!looksBefore) {
  console.log(
    "skipped: macOS's loader reads a file with care itself, and ends a process whose library was altered: no such file is opened here",
  );
}
const lookingTest = test.skipIf(!looksBefore);

function loadFile(override: string): unknown {
  const { platform, arch } = process;
  return thrownBy(() => load({ bunVersion: Bun.version, platform, arch, override }));
}

/** A library that this process has open, and that knows nothing of ours. */
function systemLibrary(): string {
  if (process.platform === "darwin") return "/usr/lib/libSystem.B.dylib";
  const maps = readFileSync("/proc/self/maps", "utf8");
  return maps.match(/\/\S*lib(?:c|stdc\+\+|gcc_s)\.so[.\d]*$/m)?.[0] ?? "no library is mapped";
}

test.each(LIBRARIES.filter((name) => name !== LIBRARY_NAME))(
  "%s is not for this system and processor, and the error says for which",
  (name) => {
    const error = loadFile(join(ROOT, "native", name));
    expectIOLoopError(error, "ERR_LIBRARY", REMEDY);
    const [target] = name.split(".");
    expect((error as Error).message).toContain(`${name} is for ${target}, and this is ${HERE}: `);
  },
);

lookingTest.each([
  [3, "linux-ia32"],
  [243, "linux-machine-243"],
])("a library for the processor that ELF numbers %d is for %s", (machine, target) => {
  using folder = new Folder();
  const path = folder.file("another.so");
  const another = readFileSync(LIBRARY);
  another.writeUInt16LE(machine, 0x12);
  writeFileSync(path, another);
  expectIOLoopError(loadFile(path), "ERR_LIBRARY", REMEDY, new RegExp(` is for ${target}, and`));
});

test("a library of the system's is none of ours, and the error says what it lacks", () => {
  const path = systemLibrary();
  const error = loadFile(path);
  expectIOLoopError(error, "ERR_LIBRARY", /ioloop_abi_version/, REMEDY);
  expect((error as Error).message).toContain(path);
});

lookingTest("a program is no library", () => {
  using folder = new Folder();
  const path = folder.file("program");
  // A copy: while a file is looked at it may be open for writing, and cannot be executed.
  copyFileSync("/bin/sh", path);
  expectIOLoopError(loadFile(path), "ERR_LIBRARY", REMEDY);
});

lookingTest.each(["/dev/zero", "a FIFO"])(
  "%s, which has no end, is refused at once",
  async (what) => {
    using folder = new Folder();
    const path = what.startsWith("/") ? what : folder.file("fifo");
    if (path !== what) Bun.spawnSync(["mkfifo", path]);
    // In a child, which is ended where it reads on.
    const { stdout } = await runChild("load-library.ts", { args: [path] });
    expect(stdout).toMatch(/^ERR_LIBRARY the native library .* is no regular file: /);
    expect(stdout).toMatch(REMEDY);
  },
  CHILD_MS,
);

lookingTest(
  "a library that is cut anywhere is refused as long as anything of it is missing",
  async () => {
    const { refused = 0, opened = 0 } = await figuresOfAbuse("abuse-library.ts", [LIBRARY, "cut"]);
    expect(refused).toBeGreaterThan(100);
    // What follows the last segment is read by nobody.
    expect(opened).toBeGreaterThan(0);
  },
  CHILD_MS,
);

lookingTest(
  "a library whose header or table of segments is overwritten is refused, or works",
  async () => {
    const { refused = 0 } = await figuresOfAbuse("abuse-library.ts", [LIBRARY, "damage"]);
    expect(refused).toBeGreaterThan(100);
  },
  CHILD_MS,
);
