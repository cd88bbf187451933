import { expect, test } from "bun:test";
import { join } from "node:path";
import { ABI_VERSION } from "../src/abi.ts";
import { emulator } from "./support-emulator.ts";
import { ROOT } from "./support-package.ts";
import { Folder } from "./support-system.ts";
import { BUILD_LIMIT_MS, compileForLinux } from "./support-zig.ts";

const EXPECTED = `\
version: ${ABI_VERSION}
open: 0
socketpair: 0
add: 0
quiet: 0
write: 5
ready: 1
own fd: 1
bits: 1
generation: ${0xabcdef}
read: 5
again: -11
remove: 0
close fd: 0
close fd: 0
close: 0
`;

/** CPUs that have what every one of their kind has, and little more. */
const OLDEST = [
  ["x64", "Opteron_G1"],
  ["arm64", "cortex-a53"],
] as const;

for (const [arch, cpu] of OLDEST) {
  const qemu = emulator(arch);
  test.skipIf(qemu === undefined)(
    `linux-${arch}.so tells a ready fd on an emulated ${cpu}`,
    async () => {
      using folder = new Folder();
      const program = folder.file("use-library");
      await compileForLinux("use-library.zig", arch, program);
      const library = join(ROOT, "native", `linux-${arch}.so`);
      const child = Bun.spawn([qemu ?? "", "-cpu", cpu, program, library], {
        stderr: "pipe",
        timeout: 20_000,
        killSignal: "SIGKILL",
      });
      expect(await child.stderr.text()).toBe(EXPECTED);
      expect(await child.exited).toBe(0);
    },
    BUILD_LIMIT_MS,
  );
}
