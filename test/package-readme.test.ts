import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installed, PACKAGE_MS, runProgram } from "./support-package.ts";

/** What each example of the README says that it prints, in their order, and what it may print. */
const EXAMPLES = [
  // Three ticks fit into its 350 ms; a machine that stalls drops beats, but never the one that is due.
  { says: 'prints "read: tick" three times', prints: /^(read: tick\n){1,3}$/ },
  { says: 'prints "alive"', prints: /^alive\n\n$/ },
] as const;

test(
  "every example of the README prints what it says when pasted",
  async () => {
    const { package: folder, project } = await installed();
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, text]) => text ?? "");
    expect(examples).toHaveLength(EXAMPLES.length);
    for (const [index, { says, prints }] of EXAMPLES.entries()) {
      const example = examples[index] ?? "";
      expect(example).toContain(says);
      expect(await runProgram(project, `example-${index}.ts`, example)).toMatch(prints);
    }
  },
  PACKAGE_MS,
);
