import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ABI_VERSION, BACKEND_EPOLL, BACKEND_KQUEUE } from "../src/abi.ts";
import { type Host, load } from "../src/native.ts";
import { GATE } from "./children/worker-gate.ts";
import { thrownBy } from "./support.ts";
import { runChild } from "./support-child.ts";
import { canMount, under } from "./support-mount.ts";
import { LIBRARY_NAME, ROOT } from "./support-package.ts";
import { expectIOLoopError, Folder, startWorkers } from "./support-system.ts";
import { BUILD_LIMIT_MS, compileLibrary } from "./support-zig.ts";

const LIBRARY = join(ROOT, "native", LIBRARY_NAME);
const HERE: Host = { bunVersion: "1.4.5", platform: process.platform, arch: process.arch };
const REMEDY = /build the library of this version, or unset the variable/;

/** Whether a library may be changed: macOS ends a process that reads a page which the signature does not fit. */
const canAlter = process.platform === "linux";
if (!canAlter) console.log("libraries are signed here: tests that alter one are skipped");
const alteringTest = test.skipIf(!canAlter);

function loadFile(override: string): unknown {
  return thrownBy(() => load({ ...HERE, override }));
}

/** A copy of the library in which a name is another, of the same length. */
function renamed(folder: Folder, from: string, to: string): string {
  const bytes = readFileSync(LIBRARY).toString("latin1").replaceAll(`\0${from}\0`, `\0${to}\0`);
  const path = folder.file("renamed.so");
  writeFileSync(path, bytes, "latin1");
  return path;
}

describe("the version of Bun", () => {
  test.each([
    "1.4.3",
    "1.4.3-canary.7",
    "1.4.10",
    "1.5.0",
    "1.5.0-canary.1+abcdef",
    "2.0.0",
    Bun.version,
  ])("%s is new enough", (bunVersion) => {
    expect(load({ ...HERE, bunVersion }).ioloop_abi_version()).toBeGreaterThan(0);
  });

  test.each(["1.4.2", "1.4.2-canary.1", "1.4.0", "1.3.14", "0.9.9"])(
    "%s is too old",
    (bunVersion) => {
      const error = thrownBy(() => load({ ...HERE, bunVersion }));
      expectIOLoopError(error, "ERR_BUN_VERSION", /1\.4\.3 or newer/, /bun upgrade/);
      expect((error as Error).message).toContain(`this is Bun ${bunVersion}:`);
    },
  );
});

test("the packaged library waits by the interface of its system", () => {
  const expected = process.platform === "darwin" ? BACKEND_KQUEUE : BACKEND_EPOLL;
  expect(load(HERE).ioloop_backend()).toBe(expected);
});

describe("the platform", () => {
  test.each([
    ["win32", "x64"],
    ["darwin", "ppc64"],
    ["linux", "riscv64"],
    ["freebsd", "x64"],
  ])("%s-%s is named in the error, and what would work", (platform, arch) => {
    const error = thrownBy(() => load({ ...HERE, platform, arch }));
    expectIOLoopError(error, "ERR_PLATFORM", /linux-x64, .*darwin-arm64/, /BUN_IOLOOP_LIBRARY/);
    expect((error as Error).message).toContain(`${platform}-${arch}`);
  });

  test("does not matter where BUN_IOLOOP_LIBRARY names a library", () => {
    const host = { ...HERE, platform: "plan9", arch: "mips", override: LIBRARY };
    expect(load(host).ioloop_abi_version()).toBeGreaterThan(0);
  });

  test("an empty BUN_IOLOOP_LIBRARY is none", () => {
    expect(load({ ...HERE, override: "" }).ioloop_abi_version()).toBeGreaterThan(0);
  });
});

describe("a library that BUN_IOLOOP_LIBRARY names", () => {
  test.each(["native/linux-x64.so", "./x.so", "x.so", "~/x.so"])(
    "must not be relative: %s",
    (path) => {
      expectIOLoopError(loadFile(path), "ERR_LIBRARY", /BUN_IOLOOP_LIBRARY/, /absolute path/);
      expect((loadFile(path) as Error).message).toContain(`"${path}"`);
    },
  );

  test("must exist", () => {
    using folder = new Folder();
    const path = folder.file("missing.so");
    const error = loadFile(path);
    expectIOLoopError(error, "ERR_LIBRARY", REMEDY);
    expect((error as Error).message).toContain(path);
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  test("must be a file", () => {
    using folder = new Folder();
    expectIOLoopError(loadFile(folder.path), "ERR_LIBRARY", REMEDY);
  });

  test.each([
    ["empty", Buffer.alloc(0)],
    ["text", Buffer.from("this is no library\n".repeat(1000))],
    ["zeros", Buffer.alloc(30_000)],
    ["a library's first 100 bytes", readFileSync(LIBRARY).subarray(0, 100)],
  ])("must not be %s", (_what, content) => {
    using folder = new Folder();
    const path = folder.file("garbage.so");
    writeFileSync(path, content);
    expectIOLoopError(loadFile(path), "ERR_LIBRARY", REMEDY);
  });

  test.each([0.1, 0.5, 0.9])("must be whole: %f of it is refused", async (part) => {
    using folder = new Folder();
    const path = folder.file("truncated.so");
    const whole = readFileSync(LIBRARY);
    writeFileSync(path, whole.subarray(0, whole.length * part));
    // In a child, for a mapping beyond the end of the file kills the process that reads it.
    const { stdout } = await runChild("load-library.ts", { args: [path] });
    expect(stdout).toStartWith("ERR_LIBRARY ");
    expect(stdout).toMatch(REMEDY);
  });

  test.skipIf(!canMount)("must be whole, also where it cannot be written to", async () => {
    using folder = new Folder();
    const path = folder.file("truncated.so");
    const half = Math.floor(readFileSync(LIBRARY).length / 2);
    const { stdout } = await runChild("load-library.ts", {
      args: [path],
      under: under(folder.path, "ro", `head -c ${half} "${LIBRARY}" > truncated.so`),
    });
    expect(stdout).toMatch(/^ERR_LIBRARY .* is damaged: /);
  });

  alteringTest("must have a table of segments that makes sense", () => {
    using folder = new Folder();
    const path = folder.file("damaged.so");
    const damaged = readFileSync(LIBRARY);
    const entryBytesAt = 0x36;
    damaged.writeUInt16LE(8, entryBytesAt);
    writeFileSync(path, damaged);
    expectIOLoopError(loadFile(path), "ERR_LIBRARY", REMEDY);
  });

  test(
    "must be of this ABI version",
    async () => {
      using folder = new Folder();
      const path = folder.file("other-abi.so");
      await compileLibrary("other-abi.zig", path);
      expectIOLoopError(
        loadFile(path),
        "ERR_ABI_VERSION",
        /has ABI version 99/,
        new RegExp(`needs ${ABI_VERSION}\\b`),
        REMEDY,
      );
    },
    BUILD_LIMIT_MS,
  );

  alteringTest("must have our symbols", () => {
    using folder = new Folder();
    const path = renamed(folder, "ioloop_abi_version", "another_abi_number");
    expectIOLoopError(loadFile(path), "ERR_LIBRARY", /ioloop_abi_version/, REMEDY);
  });

  alteringTest("must have all of our symbols", () => {
    using folder = new Folder();
    const path = renamed(folder, "ioloop_socket_error", "another_socket_name");
    expectIOLoopError(loadFile(path), "ERR_LIBRARY", /ioloop_socket_error/, REMEDY);
  });

  test("may be a copy", () => {
    using folder = new Folder();
    const path = folder.file("copy.so");
    writeFileSync(path, readFileSync(LIBRARY));
    expect(load({ ...HERE, override: path }).ioloop_abi_version()).toBeGreaterThan(0);
  });
});

test("where there is no library for the platform, importing the package works and opening a loop says why", async () => {
  const child = await runChild("no-library.ts", {
    args: ["win32", "ia32"],
    env: { BUN_IOLOOP_LIBRARY: "" },
  });
  const [first, ...uses] = child.stdout.trimEnd().split("\n");
  expect(child.stderr).toBe("");
  expect(first).toBe("imported");
  expect(uses).toHaveLength(4);
  for (const use of uses) {
    expect(use).toStartWith("ERR_PLATFORM bun-ioloop has no native library for win32-ia32: ");
  }
  expect(child.code).toBe(0);
});

test("where the JIT is off, opening a loop says so and what to do", async () => {
  const child = await runChild("no-library.ts", { env: { BUN_JSC_useJIT: "0" } });
  const [first, ...uses] = child.stdout.trimEnd().split("\n");
  expect(first).toBe("imported");
  expect(uses).toHaveLength(4);
  for (const use of uses) {
    expect(use).toMatch(/^ERR_LIBRARY .* requires the JIT\): it is off here; unset BUN_JSC_useJIT/);
  }
  expect(child.code).toBe(0);
});

test("importing the package opens no library; the first use of it does", async () => {
  const under = ["env", "BUN_IOLOOP_LIBRARY=/nonexistent"];
  const child = await runChild("no-library.ts", { under });
  const [first, ...uses] = child.stdout.trimEnd().split("\n");
  expect(child.stderr).toBe("");
  expect(first).toBe("imported");
  expect(uses).toHaveLength(4);
  for (const use of uses) expect(use).toStartWith("ERR_LIBRARY the native library /nonexistent ");
  expect(child.code).toBe(0);
});

test("8 Workers open a loop at once", async () => {
  const cells = new Int32Array(new SharedArrayBuffer(4));
  await using workers = await startWorkers(8, "open-loop.ts", cells);
  const results = Promise.all(workers.all.map((worker) => worker.message()));
  Atomics.store(cells, GATE, 1);
  Atomics.notify(cells, GATE);
  expect(await results).toEqual(new Array(8).fill(1));
});
