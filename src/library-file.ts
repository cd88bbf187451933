/** "\x7fELF", and the start of a 64-bit Mach-O file. */
const ELF = 0x7f454c46;
const MACH_O = 0xcffaedfe;
const MAGIC_BYTES = 20;

/** Processors by the number that each kind of file has for them, under the names of `process.arch`. */
const ELF_MACHINES: Readonly<Record<number, string>> = {
  3: "ia32",
  40: "arm",
  62: "x64",
  183: "arm64",
};
const MACH_O_CPUS: Readonly<Record<number, string>> = { 16777223: "x64", 16777228: "arm64" };

// What elf(5) draws, in 64 bits and little-endian.
const HEADER_BYTES = 64;
const ENTRY_BYTES = 56;
const SHARED_OBJECT = 3;
const LOAD = 1;
const DYNAMIC = 2;
const TLS = 7;
const STACK = 0x6474e551;
const EXECUTE = 1;
const WRITE = 2;
const READ = 4;

/** The least and the most that a page may be, and more memory than any library takes. */
const PAGE_BYTES = 4096;
const PAGE_BYTES_MOST = 65_536;
const MEMORY_MOST = 2 ** 31;

/**
 * Why a file cannot be opened as a library, as far as its headers tell: what it "is". Undefined where they are
 * sound, and where it cannot be read, which dlopen says better.
 */
export function faultOf(path: string): string | undefined {
  const content = contentOf(path);
  if (content === undefined || typeof content === "string") return content;
  const file = new DataView(content.buffer, content.byteOffset, content.length);
  const target = targetOf(file);
  const here = `${process.platform}-${process.arch}`;
  if (target !== undefined && target !== here) return `for ${target}, and this is ${here}`;
  if (process.platform !== "linux") return undefined;
  if (target === undefined || file.getUint16(0x10, true) !== SHARED_OBJECT) {
    return "no shared library, or its first bytes are damaged";
  }
  return isSound(file) ? undefined : "damaged";
}

/** The system and processor that native code is for, by its first bytes; undefined for other files. */
function targetOf(file: DataView): string | undefined {
  if (file.byteLength < MAGIC_BYTES) return undefined;
  const magic = file.getUint32(0);
  if (magic === ELF) {
    const machine = file.getUint16(0x12, true);
    return `linux-${ELF_MACHINES[machine] ?? `machine-${machine}`}`;
  }
  if (magic !== MACH_O) return undefined;
  const cpu = file.getUint32(4, true);
  return `darwin-${MACH_O_CPUS[cpu] ?? `cpu-${cpu}`}`;
}

/**
 * Whether an ELF file has a table of segments that makes sense, and all that they name. dlopen believes the table:
 * it maps what lies beyond the end of the file, and the process dies at the first byte that is not there.
 */
function isSound(file: DataView): boolean {
  const wideLittleEndian = 0x0201;
  if (file.byteLength < HEADER_BYTES || file.getUint16(4) !== wideLittleEndian) return false;
  const table = wide(file, 0x20);
  const tableEnd = table + file.getUint16(0x38, true) * ENTRY_BYTES;
  if (file.getUint16(0x36, true) !== ENTRY_BYTES || tableEnd > file.byteLength) return false;
  let end = 0;
  let executable = false;
  let dynamic = false;
  for (let at = table; at < tableEnd; at += ENTRY_BYTES) {
    const type = file.getUint32(at, true);
    const flags = file.getUint32(at + 0x04, true);
    const offset = wide(file, at + 0x08);
    const address = wide(file, at + 0x10);
    const fileBytes = wide(file, at + 0x20);
    const memoryBytes = wide(file, at + 0x28);
    if (offset + fileBytes > file.byteLength || address !== wide(file, at + 0x18)) return false;
    if (type === LOAD) {
      const least = memoryBytes > fileBytes ? READ | WRITE : READ;
      if ((flags & least) !== least || memoryBytes < fileBytes || memoryBytes === 0) return false;
      if (address < end || (address - offset) % PAGE_BYTES !== 0) return false;
      end = address + memoryBytes;
      executable ||= (flags & EXECUTE) !== 0;
    } else if (type !== STACK && type !== TLS) {
      if (!isMapped(file, at, table, tableEnd)) return false;
      dynamic ||= type === DYNAMIC;
    }
  }
  return executable && dynamic && end < MEMORY_MOST;
}

/**
 * Whether what the entry at `at` names lies within a segment that is loaded, where it says, with its rights. What is
 * to become read-only may end with the page.
 */
function isMapped(file: DataView, at: number, table: number, tableEnd: number): boolean {
  for (let load = table; load < tableEnd; load += ENTRY_BYTES) {
    const within = wide(file, at + 0x10) - wide(file, load + 0x10);
    if (
      file.getUint32(load, true) === LOAD &&
      within >= 0 &&
      within + wide(file, at + 0x20) <= wide(file, load + 0x20) &&
      within + wide(file, at + 0x28) <= wide(file, load + 0x28) + PAGE_BYTES_MOST &&
      within === wide(file, at + 0x08) - wide(file, load + 0x08) &&
      (file.getUint32(at + 0x04, true) & ~file.getUint32(load + 0x04, true)) === 0
    ) {
      return true;
    }
  }
  return false;
}

function wide(file: DataView, at: number): number {
  return file.getUint32(at, true) + file.getUint32(at + 4, true) * 2 ** 32;
}

/**
 * The bytes of a file, or what it is instead of one; undefined where it cannot be read. node:fs comes second, for
 * loading it takes longer than all the rest of opening a loop; but Bun.mmap opens for writing too, which not every
 * file allows.
 */
function contentOf(path: string): Uint8Array | string | undefined {
  try {
    return Bun.mmap(path, { shared: false });
  } catch {
    const { readFileSync, statSync } = process.getBuiltinModule("node:fs");
    try {
      // A device or a FIFO may never end, to a reader and to dlopen.
      return statSync(path).isFile() ? readFileSync(path) : "no regular file";
    } catch {
      return undefined;
    }
  }
}
