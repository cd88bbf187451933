// A reader of 64-bit little-endian ELF, after elf(5). It goes the way of a dynamic linker, through segments
// and the dynamic table: section headers, which nothing needs at run time, may be wrong or missing.

const SEGMENT_BYTES = 56;
const DYNAMIC_BYTES = 16;
const SYMBOL_BYTES = 24;

export const SEGMENT = { LOAD: 1, DYNAMIC: 2, INTERPRETER: 3, TLS: 7, STACK: 0x6474e551 } as const;
export const EXECUTE = 1;
export const WRITE = 2;

export const TAG = {
  NEEDED: 1,
  HASH: 4,
  STRINGS: 5,
  SYMBOLS: 6,
  SYMBOL_BYTES: 11,
  INIT: 12,
  FINI: 13,
  RPATH: 15,
  TEXT_RELOCATIONS: 22,
  INIT_ARRAY: 25,
  FINI_ARRAY: 26,
  RUNPATH: 29,
  FLAGS: 30,
} as const;
export const FLAG_TEXT_RELOCATIONS = 4;

export const GLOBAL_FUNCTION = 0x12;
/** A weak one of no type, which may stay open. */
export const WEAK_SYMBOL = 0x20;

export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

export interface Symbol {
  readonly name: string;
  /** Binding and type, as in the file. */
  readonly info: number;
  readonly visibility: number;
  readonly section: number;
  readonly address: number;
}

export interface Elf {
  /** "\x7fELF", class, byte order, version, system and its version. */
  readonly identity: string;
  readonly type: number;
  readonly machine: number;
  readonly segments: readonly Segment[];
  readonly dynamic: ReadonlyMap<number, number>;
  /** The dynamic symbols, without the empty one at the start. */
  readonly symbols: readonly Symbol[];
}

/** Throws where the file ends too early, or lacks what every shared library has. */
export function readElf(file: Buffer): Elf {
  const segments = table(
    wide(file, 0x20),
    file.readUInt16LE(0x38),
    file.readUInt16LE(0x36),
    (at) => ({
      type: file.readUInt32LE(at),
      flags: file.readUInt32LE(at + 4),
      offset: wide(file, at + 8),
      address: wide(file, at + 16),
      fileBytes: wide(file, at + 32),
      memoryBytes: wide(file, at + 40),
      align: wide(file, at + 48),
    }),
  );
  if (file.readUInt16LE(0x36) !== SEGMENT_BYTES) throw new Error("segments of another size");

  const dynamic = readDynamic(file, segments);
  const [strings, symbolsAt] = [tagged(TAG.STRINGS), tagged(TAG.SYMBOLS)];
  if (dynamic.get(TAG.SYMBOL_BYTES) !== SYMBOL_BYTES) throw new Error("symbols of another size");
  // The hash table has one chain entry for each symbol: nothing else tells their number.
  const count = file.readUInt32LE(tagged(TAG.HASH) + 4);
  const symbols = table(symbolsAt + SYMBOL_BYTES, count - 1, SYMBOL_BYTES, (at) => ({
    name: text(file, strings + file.readUInt32LE(at)),
    info: file.readUInt8(at + 4),
    visibility: file.readUInt8(at + 5),
    section: file.readUInt16LE(at + 6),
    address: wide(file, at + 8),
  }));
  return {
    identity: file.toString("latin1", 0, 16),
    type: file.readUInt16LE(0x10),
    machine: file.readUInt16LE(0x12),
    segments,
    dynamic,
    symbols,
  };

  /** Where in the file the address lies that a tag of the dynamic table names. */
  function tagged(tag: number): number {
    const address = dynamic.get(tag) ?? -1;
    const within = segments.find(
      (segment) =>
        segment.type === SEGMENT.LOAD &&
        address >= segment.address &&
        address < segment.address + segment.fileBytes,
    );
    if (within === undefined) throw new Error(`no segment holds what tag ${tag} names`);
    return address - within.address + within.offset;
  }
}

function readDynamic(file: Buffer, segments: readonly Segment[]): Map<number, number> {
  const segment = segments.find(({ type }) => type === SEGMENT.DYNAMIC);
  if (segment === undefined) throw new Error("no dynamic table");
  const entries = table(segment.offset, segment.fileBytes / DYNAMIC_BYTES, DYNAMIC_BYTES, (at) => ({
    tag: wide(file, at),
    value: wide(file, at + 8),
  }));
  const end = entries.findIndex(({ tag }) => tag === 0);
  if (end < 0) throw new Error("the dynamic table has no end");
  return new Map(entries.slice(0, end).map(({ tag, value }) => [tag, value]));
}

function table<Entry>(
  at: number,
  count: number,
  bytes: number,
  read: (at: number) => Entry,
): Entry[] {
  return Array.from({ length: count }, (_, index) => read(at + index * bytes));
}

function wide(file: Buffer, at: number): number {
  return Number(file.readBigUInt64LE(at));
}

function text(file: Buffer, at: number): string {
  return file.toString("latin1", at, file.indexOf(0, at));
}
