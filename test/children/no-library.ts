// Imports everything, then opens a loop. The test sees to it that no library can be opened, or lets this
// process believe that it runs elsewhere: no-library.ts [<platform> <arch>]
const [platform, arch] = process.argv.slice(2);
if (platform !== undefined && arch !== undefined) {
  Object.defineProperties(process, { platform: { value: platform }, arch: { value: arch } });
}

const { IOLoop, instance } = await import("../../src/index.ts");
const io = await import("../../src/io.ts");
const { ioloop } = await import("../../src/turbo.ts");
console.log("imported");
for (const open of [() => new IOLoop(), instance, () => ioloop.instance(), () => io.pipe()]) {
  try {
    open();
    console.log("opened");
  } catch (error) {
    console.log((error as { code?: string }).code, (error as Error).message);
  }
}
