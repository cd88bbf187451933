// Imports everything, then opens a loop. The test sees to it that there is no library to open.
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
