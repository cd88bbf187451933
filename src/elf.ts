import { readFileSync } from "node:fs";

/** "\x7fELF", 64 bits, little-endian. */
const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const HEADER_BYTES = 64;
const ENTRY_BYTES = 56;

/**
 * Whether an ELF file has no sound table of segments, or ends before they do. dlopen would map it all the
 * same, and the process would die at the first byte that is not there. Offsets are those of elf(5). A
 * file of another kind, or none, is left for dlopen to refuse.
 */
export function isDamaged(path: string): boolean {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return false;
  }
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) return false;
  if (file.length < HEADER_BYTES) return true;
  const table = Number(file.readBigUInt64LE(0x20));
  const entryBytes = file.readUInt16LE(0x36);
  const entries = file.readUInt16LE(0x38);
  if (entryBytes < ENTRY_BYTES || table + entries * entryBytes > file.length) return true;
  for (let at = table; at < table + entries * entryBytes; at += entryBytes) {
    const offset = Number(file.readBigUInt64LE(at + 0x08));
    const size = Number(file.readBigUInt64LE(at + 0x20));
    if (offset + size > file.length) return true;
  }
  return false;
}
