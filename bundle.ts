// Writes the package's JavaScript into dist/: three entries and what they share. As few files, for each one that is
// loaded costs the start of a program more than all of its code.

const { outputs } = await Bun.build({
  entrypoints: ["index", "io", "turbo"].map((name) => `src/${name}.ts`),
  outdir: "dist",
  target: "bun",
  splitting: true,
  sourcemap: "linked",
  naming: { chunk: "chunk-[hash].[ext]" },
  // The libraries stay where they are, in native/.
  external: ["*.so", "*.dylib"],
});

// The sources lie in src/, beside: the maps need not hold them too.
for (const { kind, path } of outputs) {
  if (kind !== "sourcemap") continue;
  const { sourcesContent: _, ...map } = await Bun.file(path).json();
  await Bun.write(path, JSON.stringify(map));
}
