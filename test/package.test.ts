// The package as a user gets it: packed, added to an empty folder, and the README's example pasted.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const LIMIT_MS = 60_000;
let folder = "";

async function command(cwd: string, ...arguments_: string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, ...arguments_], {
    cwd,
    stdout: "pipe",
    stderr: "pipe",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`bun ${arguments_.join(" ")}: ${errors}`);
  return output;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bun-ioloop-user-"));
  await command(root, "pm", "pack", "--ignore-scripts", "--destination", folder);
  const [tarball = ""] = new Bun.Glob("*.tgz").scanSync(folder);
  await Bun.write(join(folder, "package.json"), "{}");
  await command(folder, "add", "--offline", `./${tarball}`);
}, LIMIT_MS);

afterAll(() => rmSync(folder, { recursive: true }));

test("the README's example works when pasted", async () => {
  const readme = await Bun.file(join(root, "README.md")).text();
  const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  await Bun.write(join(folder, "example.ts"), example);
  // Three ticks fit into its 350 ms; a machine that stalls drops beats, but never the one that is due.
  expect(await command(folder, "example.ts")).toMatch(/^(read: tick\n){1,3}$/);
});

test("every entry point can be imported and required", async () => {
  const program = `
    const names = ["bun-ioloop", "bun-ioloop/io", "bun-ioloop/turbo", "bun-ioloop/package.json"];
    for (const name of names) {
      await import(name);
      require(name);
    }
    console.log("fine");
  `;
  await Bun.write(join(folder, "entries.ts"), program);
  expect(await command(folder, "entries.ts")).toBe("fine\n");
});

test("the package brings its library, and neither dependencies nor install scripts", async () => {
  const installed = join(folder, "node_modules", "bun-ioloop");
  const { dependencies, scripts } = await Bun.file(join(installed, "package.json")).json();
  expect(dependencies).toBeUndefined();
  for (const name of ["preinstall", "install", "postinstall", "prepare"]) {
    expect(scripts).not.toHaveProperty(name);
  }
  expect(readdirSync(join(installed, "native")).sort()).toEqual(["linux-arm64.so", "linux-x64.so"]);
  expect(readdirSync(join(folder, "node_modules"))).toEqual(["bun-ioloop"]);
});
