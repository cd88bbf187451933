import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installed, PACKAGE_MS, runProgram } from "./support-package.ts";

test(
  "the README's first example prints what it says when pasted",
  async () => {
    const { package: folder, project } = await installed();
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
    expect(example).toContain('prints "read: tick" three times');
    // Three ticks fit into its 350 ms; a machine that stalls drops beats, but never the one that is due.
    expect(await runProgram(project, "example.ts", example)).toMatch(/^(read: tick\n){1,3}$/);
  },
  PACKAGE_MS,
);
