/** "\x7fELF", 64 bits, little-endian. */
const MAGIC = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const HEADER_BYTES = 64;
const ENTRY_BYTES = 56;

/**
 * Whether an ELF file has no sound table of segments, or ends before they do. dlopen would map it all the
 * same, and the process would die at the first byte that is not there. Offsets are those of elf(5). A
 * file of another kind, or none, is left for dlopen to refuse.
 */
export function isDamaged(path: string): boolean {
  const file = contentOf(path);
  if (file === undefined || MAGIC.some((byte, at) => file[at] !== byte)) return false;
  if (file.length < HEADER_BYTES) return true;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const table = Number(view.getBigUint64(0x20, true));
  const entryBytes = view.getUint16(0x36, true);
  const entries = view.getUint16(0x38, true);
  if (entryBytes < ENTRY_BYTES || table + entries * entryBytes > file.length) return true;
  for (let at = table; at < table + entries * entryBytes; at += entryBytes) {
    const offset = Number(view.getBigUint64(at + 0x08, true));
    const size = Number(view.getBigUint64(at + 0x20, true));
    if (offset + size > file.length) return true;
  }
  return false;
}

/**
 * The bytes of a file; undefined where it cannot be read. node:fs comes second, for loading it takes longer
 * than all the rest of opening a loop; but Bun.mmap opens for writing too, which not every file allows.
 */
function contentOf(path: string): Uint8Array | undefined {
  // No other system opens ELF files.
  if (process.platform !== "linux") return undefined;
  try {
    return Bun.mmap(path, { shared: false });
  } catch {
    try {
      return process.getBuiltinModule("node:fs").readFileSync(path);
    } catch {
      return undefined;
    }
  }
}
