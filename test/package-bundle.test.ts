import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { elsewhere, LIBRARIES, outputOf, PACKAGE_MS } from "./support-package.ts";
import { build, WORKS } from "./support-package-build.ts";

test.each([
  ["as it is", []],
  ["minified", ["--minify"]],
])(
  "a bundle, %s, finds the libraries beside it, whatever the current folder is",
  async (_what, options) => {
    const output = await build("--target", "bun", ...options);
    const kinds = readdirSync(output).map((name) => name.replace(/-[^-]*(\.\w+)$/, "$1"));
    expect(kinds.sort()).toEqual(["app.js", ...LIBRARIES]);
    const app = join(output, "app.js");
    expect(await outputOf(elsewhere(), [process.execPath, app])).toBe(WORKS);
    expect(await outputOf(output, [process.execPath, "app.js"])).toBe(WORKS);
  },
  PACKAGE_MS,
);
