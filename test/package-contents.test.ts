import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { installed, LIBRARIES, PACKAGE_MS } from "./support-package.ts";

const SIZE_MOST = 200 * 1024;
/** What npm, Bun and others run when a package is installed. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall", "prepare", "prepublish"];

async function manifest(): Promise<Record<string, unknown>> {
  return Bun.file(join((await installed()).package, "package.json")).json();
}

function filesEndingWith(end: string, folder: string): string[] {
  return [...new Bun.Glob(`**/*${end}`).scanSync(folder)];
}

test(
  "the tarball stays under 200 KiB",
  async () => {
    expect(statSync((await installed()).tarball).size).toBeLessThan(SIZE_MOST);
  },
  PACKAGE_MS,
);

test(
  "the package holds the libraries of all platforms, and nothing that a user has no use for",
  async () => {
    const { package: folder } = await installed();
    const texts = ["LICENSE", "README.md", "SECURITY.md"];
    // Bun leaves a note of its own beside what it has unpacked.
    const names = readdirSync(folder).filter((name) => name !== ".bun-tag");
    expect(names.sort()).toEqual([...texts, "dist", "examples", "native", "package.json", "src"]);
    expect(readdirSync(join(folder, "native")).sort()).toEqual([...LIBRARIES]);
  },
  PACKAGE_MS,
);

test(
  "installing it runs nothing, brings nothing else, and refuses no platform",
  async () => {
    const { project } = await installed();
    const { scripts, dependencies, peerDependencies, optionalDependencies, os, cpu } =
      await manifest();
    for (const name of INSTALL_SCRIPTS) expect(scripts).not.toHaveProperty(name);
    expect([dependencies, peerDependencies, optionalDependencies, os, cpu]).toEqual(
      new Array(5).fill(undefined),
    );
    expect(readdirSync(join(project, "node_modules"))).toEqual(["bun-ioloop"]);
  },
  PACKAGE_MS,
);

test(
  "a declaration names no other package, and no module of Bun or Node",
  async () => {
    const dist = join((await installed()).package, "dist");
    const declarations = filesEndingWith(".d.ts", dist);
    expect(declarations).toContain("index.d.ts");
    for (const file of declarations) {
      const text = readFileSync(join(dist, file), "utf8");
      const named = [...text.matchAll(/(?:from|import|require)\s*\(?\s*"([^"]+)"/g)];
      for (const [, specifier] of named) expect(specifier).toStartWith("./");
      expect(text).not.toMatch(/reference (types|path)/);
    }
  },
  PACKAGE_MS,
);

test(
  "every map leads to a source in the package",
  async () => {
    const dist = join((await installed()).package, "dist");
    const maps = filesEndingWith(".map", dist);
    expect(maps).toContain("index.js.map");
    expect(maps).toContain("index.d.ts.map");
    // What an entry takes from others alone has no code of its own.
    const mapped = new Set<string>();
    for (const file of maps) {
      const map = join(dist, file);
      const { sources } = (await Bun.file(map).json()) as { sources: string[] };
      if (file.endsWith(".js.map")) for (const source of sources) mapped.add(basename(source));
      for (const source of sources) expect(existsSync(join(dirname(map), source))).toBeTrue();
    }
    for (const name of ["core.ts", "io.ts", "turbo.ts"]) expect(mapped).toContain(name);
  },
  PACKAGE_MS,
);
