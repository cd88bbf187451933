// A reader of the embedded code signature, after cs_blobs.h. All numbers are big-endian.

const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const SHA256 = 2;

export const AD_HOC = 0x2;

export interface CodeSignature {
  readonly flags: number;
  /** How much of the file is signed, from its start. */
  readonly signedBytes: number;
  readonly pageBytes: number;
  /** Of each page, in hexadecimal. */
  readonly hashes: readonly string[];
}

/** Throws for anything but one code directory with SHA-256 hashes, as an ad-hoc signature has. */
export function readCodeSignature(blob: Buffer): CodeSignature {
  const [magic, blobs, kind, at] = [0, 8, 12, 16].map((offset) => blob.readUInt32BE(offset));
  if (magic !== SUPER_BLOB || blobs !== 1 || kind !== 0 || at === undefined) {
    throw new Error("not a signature with a code directory alone");
  }
  const directory = blob.subarray(at, at + blob.readUInt32BE(at + 4));
  if (directory.readUInt32BE(0) !== CODE_DIRECTORY) throw new Error("no code directory");
  const hashBytes = directory.readUInt8(36);
  if (hashBytes !== 32 || directory.readUInt8(37) !== SHA256) throw new Error("not SHA-256");
  const hashesAt = directory.readUInt32BE(16);
  return {
    flags: directory.readUInt32BE(12),
    signedBytes: directory.readUInt32BE(32),
    pageBytes: 2 ** directory.readUInt8(39),
    hashes: Array.from({ length: directory.readUInt32BE(28) }, (_, index) => {
      const hashAt = hashesAt + index * hashBytes;
      return directory.toString("hex", hashAt, hashAt + hashBytes);
    }),
  };
}
