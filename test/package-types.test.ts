// The declarations in strict projects, which check them too.
import { expect, test } from "bun:test";
import { copyFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyOfProject, execute, PACKAGE_MS, ROOT } from "./support-package.ts";

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: false,
  noEmit: true,
};

/** What `bun init` writes, and a project that knows of Bun nothing but this package. */
const PROJECTS = {
  "with @types/bun": {
    target: "esnext",
    lib: ["esnext"],
    module: "preserve",
    moduleResolution: "bundler",
    types: ["bun"],
  },
  "without @types/bun": { target: "es2022", module: "nodenext", types: [] },
};

for (const [types, options] of Object.entries(PROJECTS)) {
  test.each([
    ["5.9", "typescript-5.9"],
    ["of today", "typescript"],
  ])(
    `a strict project ${types} compiles with TypeScript %s`,
    async (_version, compiler) => {
      const project = await copyOfProject();
      copyFileSync(join(import.meta.dir, "children", "consumer.ts"), join(project, "consumer.ts"));
      symlinkSync(join(ROOT, "node_modules", "@types"), join(project, "node_modules", "@types"));
      writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
      const config = { compilerOptions: { ...STRICT, ...options }, files: ["consumer.ts"] };
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
      const tsc = join(ROOT, "node_modules", compiler, "bin", "tsc");
      const { stdout, code } = await execute(project, [process.execPath, tsc]);
      expect(stdout).toBe("");
      expect(code).toBe(0);
    },
    PACKAGE_MS,
  );
}
