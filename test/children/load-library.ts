// Loads the native library from a path, where doing so could harm the process: load-library.ts <path>
import { load } from "../../src/native.ts";

const [override] = process.argv.slice(2);
try {
  load({ bunVersion: Bun.version, platform: process.platform, arch: process.arch, override });
  console.log("loaded");
} catch (error) {
  console.log((error as { code?: string }).code, (error as Error).message);
}
