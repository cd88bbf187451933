// What others check a package for, asked of the tarball itself.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { elsewhere, execute, installed, PACKAGE_MS, ROOT } from "./support-package.ts";

async function check(tool: string, ...options: string[]): Promise<string> {
  const { tarball } = await installed();
  const program = join(ROOT, "node_modules", tool);
  const command = [process.execPath, program, ...options, tarball];
  const { stdout, stderr, code } = await execute(elsewhere(), command);
  expect(code, stdout + stderr).toBe(0);
  return stdout;
}

test(
  "publint finds nothing to say",
  async () => {
    expect(await check("publint/src/cli.js", "run", "--strict")).toContain("All good!");
  },
  PACKAGE_MS,
);

// The profile leaves out what only Node's require() would meet: Bun's loads ES modules as they are.
test(
  "Are the types wrong? finds every entry point's types right",
  async () => {
    await check("@arethetypeswrong/cli/dist/index.js", "--profile", "esm-only");
  },
  PACKAGE_MS,
);
