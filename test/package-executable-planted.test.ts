// What another user of the machine can do who puts a file where an executable keeps its copy of the library.
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  lchownSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { elsewhere, outputOf, PACKAGE_MS } from "./support-package.ts";
import { build, WORKS } from "./support-package-build.ts";

const USER = 65_534;
const OTHER_USER = 65_533;
const COPY = `.bun-${USER}-`;
const setpriv = process.platform === "linux" ? Bun.which("setpriv") : null;
const canBeOthers = setpriv !== null && process.getuid?.() === 0;
if (!canBeOthers) console.log("no files of other users can be made here: their tests are skipped");

let made: Promise<string> | undefined;

/** The executable, where every user can run it. */
async function executable(): Promise<string> {
  made ??= build("--compile");
  const folder = await made;
  chmodSync(folder, 0o755);
  chmodSync(dirname(folder), 0o755);
  return join(folder, "app");
}

/** A folder as /tmp is: everybody may make files, and take away their own. */
function temporary(): string {
  const folder = elsewhere();
  chmodSync(folder, 0o1777);
  return folder;
}

async function runAsUser(TMPDIR: string): Promise<string> {
  const user = [`--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"];
  return outputOf("/", [setpriv ?? "", ...user, await executable()], { TMPDIR });
}

function copyIn(folder: string): string {
  return join(folder, readdirSync(folder).find((name) => name.startsWith(COPY)) ?? "");
}

/** Puts garbage of the same size in the copy's place, by whatever `plant` does with it. */
async function runBeside(plant: (copy: string, garbage: Buffer) => void): Promise<string> {
  const folder = temporary();
  expect(await runAsUser(folder)).toBe(WORKS);
  const copy = copyIn(folder);
  const garbage = Buffer.alloc(statSync(copy).size, "x");
  rmSync(copy);
  plant(copy, garbage);
  return runAsUser(folder);
}

describe.skipIf(!canBeOthers)("the copy of the library", () => {
  test(
    "is readable by its user alone, and used again",
    async () => {
      const folder = temporary();
      expect(await runAsUser(folder)).toBe(WORKS);
      const { mode, uid, ino } = statSync(copyIn(folder));
      expect({ mode: mode & 0o777, uid }).toEqual({ mode: 0o600, uid: USER });
      expect(await runAsUser(folder)).toBe(WORKS);
      expect(readdirSync(folder)).toHaveLength(1);
      expect(statSync(copyIn(folder)).ino).toBe(ino);
    },
    PACKAGE_MS,
  );

  test(
    "is no file that another user has put in its place",
    async () => {
      const output = await runBeside((copy, garbage) => {
        writeFileSync(copy, garbage, { mode: 0o755 });
        lchownSync(copy, OTHER_USER, OTHER_USER);
      });
      expect(output).toBe(WORKS);
    },
    PACKAGE_MS,
  );

  test(
    "is nothing that another user's symbolic link points to",
    async () => {
      const output = await runBeside((copy, garbage) => {
        const target = join(temporary(), "target.so");
        writeFileSync(target, garbage, { mode: 0o755 });
        symlinkSync(target, copy);
        lchownSync(copy, OTHER_USER, OTHER_USER);
      });
      expect(output).toBe(WORKS);
    },
    PACKAGE_MS,
  );

  test(
    "is opened as it is where it is the user's own",
    async () => {
      const output = await runBeside((copy, garbage) => {
        writeFileSync(copy, garbage, { mode: 0o600 });
        lchownSync(copy, USER, USER);
      });
      // So the tests above would have seen it, had it been opened.
      expect(output).toStartWith("ERR_LIBRARY ");
    },
    PACKAGE_MS,
  );
});
