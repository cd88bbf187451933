import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { native } from "../src/native.ts";
import * as signatures from "./support-code-signature.ts";
import * as elf from "./support-elf.ts";
import * as macho from "./support-macho.ts";
import { LIBRARIES, ROOT } from "./support-package.ts";

const FOLDER = join(ROOT, "native");
const BYTES_MOST = 64 * 1024;
/** Its segments begin on pages of 16 KiB: three of them, the last for two dozen bytes, before the first symbol. */
const BYTES_MOST_OF_LARGE_PAGES = 80 * 1024;

const FUNCTIONS = Object.keys(native()).sort();

/** What the Linux libraries leave open, for the C library that the process has: its threads. */
const FROM_PROCESS = [
  "pthread_create",
  "pthread_getspecific",
  "pthread_join",
  "pthread_key_create",
  "pthread_setspecific",
];

/** What the macOS libraries take from libSystem: system calls, the memory functions, and no more. */
const FROM_LIBSYSTEM = [
  "___bzero",
  "___error",
  "___stack_chk_fail",
  "___stack_chk_guard",
  "_accept",
  "_bind",
  "_bzero",
  "_ceil",
  "_close$NOCANCEL",
  "_connect",
  "_fcntl",
  "_fstat",
  "_fstat$INODE64",
  "_getsockname",
  "_getsockopt",
  "_if_nametoindex",
  "_kevent",
  "_kqueue",
  "_listen",
  "_memcpy",
  "_memset",
  "_mmap",
  "_munmap",
  "_pipe",
  "_pthread_create",
  "_pthread_getspecific",
  "_pthread_join",
  "_pthread_key_create",
  "_pthread_setspecific",
  "_pthread_sigmask",
  "_read",
  "_recvfrom",
  "_sendto",
  "_setsockopt",
  "_sched_yield",
  "_shutdown",
  "_sigaction",
  "_sigfillset",
  "_socket",
  "_socketpair",
  "_write",
  "dyld_stub_binder",
];

/** Zig's linker exports these two from every dylib. They are nobody's to call, and in no one's way. */
const FROM_LINKER = ["___dso_handle", "__mh_dylib_header"];

function read(name: string): Buffer {
  return readFileSync(join(FOLDER, name));
}

test("the folder holds the four libraries alone, each smaller than 64 KiB, or 80 where pages are large", () => {
  const names = readdirSync(FOLDER).sort();
  expect(names).toEqual([...LIBRARIES]);
  for (const name of names) {
    const most = name === "darwin-arm64.dylib" ? BYTES_MOST_OF_LARGE_PAGES : BYTES_MOST;
    expect(read(name).length).toBeLessThan(most);
  }
});

describe.each([
  { name: "linux-x64.so", machine: 62, pageBytes: 4096 },
  // arm64 kernels have pages of 4, 16 or 64 KiB.
  { name: "linux-arm64.so", machine: 183, pageBytes: 65_536 },
])("$name", ({ name, machine, pageBytes }) => {
  const { LOAD, DYNAMIC, INTERPRETER, TLS, STACK } = elf.SEGMENT;
  const { TAG, EXECUTE, WRITE } = elf;
  const file = read(name);
  const library = elf.readElf(file);
  const loads = library.segments.filter(({ type }) => type === LOAD);

  test("is a shared library for its own kind of machine", () => {
    expect(library.identity).toBe(`\x7fELF\x02\x01\x01${"\0".repeat(9)}`);
    const sharedObject = 3;
    expect(library.type).toBe(sharedObject);
    expect(library.machine).toBe(machine);
  });

  const defined = library.symbols.filter(({ section }) => section !== 0);
  const open = library.symbols.filter(({ section }) => section === 0);

  test("exports every function that native.ts calls, and nothing else", () => {
    const code = loads.find(({ flags }) => (flags & EXECUTE) !== 0);
    expect(defined.map((symbol) => symbol.name).sort()).toEqual(FUNCTIONS);
    for (const { info, visibility, address } of defined) {
      expect([info, visibility]).toEqual([elf.GLOBAL_FUNCTION, 0]);
      expect(address - (code?.address ?? 0)).toBeWithin(0, code?.memoryBytes ?? 0);
    }
  });

  test("leaves the process's threads open, weakly, and nothing else", () => {
    expect(open.map((symbol) => symbol.name).sort()).toEqual(FROM_PROCESS);
    for (const { info } of open) expect(info).toBe(elf.WEAK_SYMBOL);
  });

  test("needs no other library, and changes no code and runs nothing when it is loaded", () => {
    const unwanted = [
      ...[TAG.NEEDED, TAG.RPATH, TAG.RUNPATH, TAG.TEXT_RELOCATIONS],
      ...[TAG.INIT, TAG.FINI, TAG.INIT_ARRAY, TAG.FINI_ARRAY],
    ];
    for (const tag of unwanted) expect(library.dynamic.has(tag)).toBeFalse();
    expect((library.dynamic.get(TAG.FLAGS) ?? 0) & elf.FLAG_TEXT_RELOCATIONS).toBe(0);
  });

  test("has no thread-local storage, no interpreter, and a stack without code", () => {
    const types = library.segments.map(({ type }) => type);
    expect(types).not.toContain(TLS);
    expect(types).not.toContain(INTERPRETER);
    const stacks = library.segments.filter(({ type }) => type === STACK);
    expect(stacks.map(({ flags }) => flags & EXECUTE)).toEqual([0]);
  });

  test("has segments within the file, apart from each other, and none to write and to run", () => {
    expect(loads[0]?.offset).toBe(0);
    expect(loads.filter(({ flags }) => (flags & EXECUTE) !== 0)).toHaveLength(1);
    let end = 0;
    for (const { flags, offset, address, fileBytes, memoryBytes, align } of loads) {
      expect(flags & (EXECUTE | WRITE)).not.toBe(EXECUTE | WRITE);
      expect(offset + fileBytes).toBeLessThanOrEqual(file.length);
      expect(fileBytes).toBeLessThanOrEqual(memoryBytes);
      expect(align).toBe(pageBytes);
      expect(address % pageBytes).toBe(offset % pageBytes);
      expect(Math.floor(address / pageBytes) * pageBytes).toBeGreaterThanOrEqual(end);
      end = address + memoryBytes;
    }
    const inLoad = (at: number): boolean =>
      loads.some(({ address, memoryBytes }) => at >= address && at < address + memoryBytes);
    const dynamic = library.segments.filter(({ type }) => type === DYNAMIC);
    expect(dynamic.map(({ address }) => inLoad(address))).toEqual([true]);
  });
});

describe.each([
  { name: "darwin-x64.dylib", cpu: 0x01000007, pageBytes: 4096 },
  { name: "darwin-arm64.dylib", cpu: 0x0100000c, pageBytes: 16_384 },
])("$name", ({ name, cpu, pageBytes }) => {
  const { EXECUTE, WRITE } = macho;
  const file = read(name);
  const library = macho.readMachO(file);
  const text = library.segments[0];

  test("is a shared library for its own kind of machine", () => {
    expect(library.magic).toBe(0xfeedfacf);
    expect(library.cpu).toBe(cpu);
    const dylib = 6;
    expect(library.fileType).toBe(dylib);
    const [twoLevelNames, noReexports] = [0x80, 0x100000];
    expect(library.flags & (twoLevelNames | noReexports)).toBe(twoLevelNames | noReexports);
  });

  test("exports every function that native.ts calls, and nothing else of ours", () => {
    const expected = [...FUNCTIONS.map((name) => `_${name}`), ...FROM_LINKER].sort();
    expect([...library.exported.keys()].sort()).toEqual(expected);
    expect(library.defined.toSorted()).toEqual(expected);
    for (const name of FUNCTIONS) {
      expect(library.exported.get(`_${name}`) ?? 0).toBeWithin(1, text?.memoryBytes ?? 0);
    }
  });

  test("needs libSystem alone, and of that only what is listed here", () => {
    expect(library.libraries).toEqual(["/usr/lib/libSystem.B.dylib"]);
    expect(library.undefined.toSorted()).toEqual([...library.imported.keys()].sort());
    expect(library.undefined.filter((name) => !FROM_LIBSYSTEM.includes(name))).toEqual([]);
    for (const [, from] of library.imported) expect(from).toBe(1);
  });

  test("is for macOS 13 and newer, and looks along no path of its own", () => {
    const macos = 1;
    expect(library.platform).toBe(macos);
    expect(library.systemOldest).toBe("13.0.0");
    // dlopen by path does not read it. The reader refuses a command that adds a search path.
    expect(library.id).toBe("@rpath/libioloop.dylib");
  });

  test("runs nothing when it is loaded, and has no thread-local storage", () => {
    const [initializers, terminators, initializerOffsets, threadLocal] = [0x09, 0x0a, 0x16, 0x11];
    for (const type of library.segments.flatMap(({ sections }) => sections)) {
      expect([initializers, terminators, initializerOffsets]).not.toContain(type);
      expect(type).not.toBeWithin(threadLocal, initializerOffsets);
    }
  });

  test("has segments within the file, apart from each other, and none to write and to run", () => {
    const names = ["__TEXT", "__DATA_CONST", "__DATA", "__LINKEDIT"];
    expect(library.segments.map(({ name }) => name)).toEqual(names);
    expect([text?.offset, text?.address]).toEqual([0, 0]);
    let [fileEnd, end] = [0, 0];
    for (const { address, memoryBytes, offset, fileBytes, protection } of library.segments) {
      expect(protection & (EXECUTE | WRITE)).not.toBe(EXECUTE | WRITE);
      expect([offset % pageBytes, address % pageBytes]).toEqual([0, 0]);
      expect(offset).toBeGreaterThanOrEqual(fileEnd);
      expect(address).toBeGreaterThanOrEqual(end);
      expect(fileBytes).toBeLessThanOrEqual(memoryBytes);
      [fileEnd, end] = [offset + fileBytes, address + memoryBytes];
    }
    expect(fileEnd).toBe(file.length);
  });
});

test("darwin-arm64.dylib is signed ad hoc, as that system wants, and the signature is its own", () => {
  const file = read("darwin-arm64.dylib");
  const blob = macho.readMachO(file).signature ?? Buffer.alloc(0);
  const { flags, signedBytes, pageBytes, hashes } = signatures.readCodeSignature(blob);
  expect(flags & signatures.AD_HOC).toBe(signatures.AD_HOC);
  // All but the signature, which is the last of the file.
  expect(signedBytes).toBe(file.length - blob.length);
  expect(file.subarray(signedBytes).equals(blob)).toBeTrue();
  expect(hashes).toHaveLength(Math.ceil(signedBytes / pageBytes));
  for (const [index, hash] of hashes.entries()) {
    const end = Math.min((index + 1) * pageBytes, signedBytes);
    const page = file.subarray(index * pageBytes, end);
    expect(new Bun.CryptoHasher("sha256").update(page).digest("hex")).toBe(hash);
  }
});
