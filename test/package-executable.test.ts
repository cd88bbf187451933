// A single-file executable for this system. One for another system needs that system's Bun, which
// `bun build` would have to download: it is not tested here.
import { expect, test } from "bun:test";
import { copyFileSync, cpSync } from "node:fs";
import { join } from "node:path";
import { canMount, under } from "./support-mount.ts";
import { elsewhere, installed, LIBRARY_NAME, outputOf, PACKAGE_MS } from "./support-package.ts";
import { build, WORKS } from "./support-package-build.ts";

let plain: Promise<string> | undefined;

/** The executable, compiled once for the tests that only vary its surroundings. */
async function executable(): Promise<string> {
  plain ??= build("--compile");
  return join(await plain, "app");
}

async function copyOfLibrary(): Promise<string> {
  const copy = join(elsewhere(), "ioloop.copy");
  copyFileSync(join((await installed()).package, "native", LIBRARY_NAME), copy);
  return copy;
}

function expectAdvice(output: string, temporary: string): void {
  expect(output).toStartWith("ERR_LIBRARY the native library /$bunfs/");
  expect(output).toContain(
    `copies it to ${temporary} and opens it there; set BUN_TMPDIR to a folder`,
  );
  expect(output).toContain("BUN_IOLOOP_LIBRARY to the absolute path of a copy of the library\n");
}

test(
  "an executable runs from another folder, with the packages gone",
  async () => {
    const app = await executable();
    expect(await outputOf(elsewhere(), [app])).toBe(WORKS);
    const moved = join(elsewhere(), "moved");
    cpSync(app, moved);
    expect(await outputOf("/", [moved])).toBe(WORKS);
  },
  PACKAGE_MS,
);

test(
  "an executable may be minified and hold bytecode",
  async () => {
    const output = await build("--compile", "--minify", "--bytecode");
    expect(await outputOf(elsewhere(), [join(output, "app")])).toBe(WORKS);
  },
  PACKAGE_MS,
);

/** A folder that exists, and where nobody makes files, not even root. */
const UNWRITABLE = process.platform === "darwin" ? "/dev" : "/proc";

test.each(["/nonexistent", UNWRITABLE])(
  "in a TMPDIR that nobody can write to, %s, it names TMPDIR and the way round it",
  async (TMPDIR) => {
    expectAdvice(await outputOf("/", [await executable()], { TMPDIR }), TMPDIR);
  },
  PACKAGE_MS,
);

test.skipIf(!canMount).each(["noexec", "ro"])(
  "in a TMPDIR that is mounted %s, it names TMPDIR and the way round it",
  async (options) => {
    const TMPDIR = elsewhere();
    const { PATH = "" } = process.env;
    const command = [...under(TMPDIR, options), await executable()];
    expectAdvice(await outputOf("/", command, { TMPDIR, PATH }), TMPDIR);
  },
  PACKAGE_MS,
);

test(
  "the way round TMPDIR works: a copy of the library, in BUN_IOLOOP_LIBRARY",
  async () => {
    const env = { TMPDIR: "/nonexistent", BUN_IOLOOP_LIBRARY: await copyOfLibrary() };
    expect(await outputOf("/", [await executable()], env)).toBe(WORKS);
  },
  PACKAGE_MS,
);
