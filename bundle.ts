// Writes the package's JavaScript into dist/: three entries and what they share. As few files, for each one that is
// loaded costs the start of a program more than all of its code. Of the declarations, which are there already, it
// leaves those that the entries' own lead to.
import { join } from "node:path";

const ENTRIES = ["index", "io", "turbo"];
const DIST = "dist";

const { outputs } = await Bun.build({
  entrypoints: ENTRIES.map((name) => `src/${name}.ts`),
  outdir: DIST,
  target: "bun",
  splitting: true,
  sourcemap: "linked",
  minify: { whitespace: true, syntax: true },
  naming: { chunk: "chunk-[hash].[ext]" },
  // The libraries stay where they are, in native/.
  external: ["*.so", "*.dylib"],
});

// The sources lie in src/, beside: the maps need not hold them too. Bun refuses a map that does not say so of each.
for (const { kind, path } of outputs) {
  if (kind !== "sourcemap") continue;
  const map = (await Bun.file(path).json()) as { sources: string[]; sourcesContent: null[] };
  map.sourcesContent = map.sources.map(() => null);
  await Bun.write(path, JSON.stringify(map));
}

const reached = new Set(ENTRIES);
for (const name of reached) {
  const text = await Bun.file(join(DIST, `${name}.d.ts`)).text();
  for (const [, other] of text.matchAll(/"\.\/([\w-]+)\.(?:ts|js)"/g)) reached.add(other as string);
}
for (const file of new Bun.Glob("*.d.ts{,.map}").scanSync(DIST)) {
  const name = file.slice(0, file.indexOf("."));
  if (!reached.has(name)) await Bun.file(join(DIST, file)).delete();
}
