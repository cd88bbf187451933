import { expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { hashesOf } from "./hashes.ts";
import { LIBRARIES, ROOT } from "./support-package.ts";
import { Folder } from "./support-system.ts";
import { BUILD_LIMIT_MS, zig } from "./support-zig.ts";

test(
  "another folder and empty caches give the same four files, none for the CPU that builds them",
  async () => {
    using folder = new Folder();
    const copy = folder.file("source");
    for (const name of ["build.zig", "build.zig.zon", "zig"]) {
      cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    }
    const caches = [
      "--cache-dir",
      folder.file("local"),
      "--global-cache-dir",
      folder.file("global"),
    ];
    const commands = await zig(["build", "--verbose", ...caches], copy);

    const libraries = commands.split("\n").filter((line) => line.includes(" build-lib "));
    expect(libraries).toHaveLength(4);
    for (const library of libraries) expect(library).toContain(" -mcpu baseline ");
    const hashes = hashesOf(join(copy, "native"));
    expect(hashes.match(/\S+$/gm)).toEqual([...LIBRARIES]);
    expect(hashes).toBe(hashesOf(join(ROOT, "native")));
  },
  BUILD_LIMIT_MS,
);
