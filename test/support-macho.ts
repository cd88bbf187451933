// A reader of 64-bit Mach-O, after loader.h and nlist.h. What a library offers and asks for is read where
// dyld reads it: from the export trie and the binding opcodes. The symbol table is there to compare.

const COMMAND = {
  SYMBOLS: 0x02,
  SYMBOLS_ORDER: 0x0b,
  LOAD_LIBRARY: 0x0c,
  ID: 0x0d,
  LINKER: 0x0e,
  SEGMENT: 0x19,
  UUID: 0x1b,
  SIGNATURE: 0x1d,
  FUNCTIONS: 0x26,
  DATA_IN_CODE: 0x29,
  SOURCE_VERSION: 0x2a,
  BUILD_VERSION: 0x32,
  DYLD_INFO: 0x80000022,
} as const;
const KNOWN: readonly number[] = Object.values(COMMAND);

const HEADER_BYTES = 32;
const SEGMENT_BYTES = 72;
const SECTION_BYTES = 80;
const SYMBOL_BYTES = 16;

export const EXECUTE = 4;
export const WRITE = 2;

export interface Segment {
  readonly name: string;
  readonly address: number;
  readonly memoryBytes: number;
  readonly offset: number;
  readonly fileBytes: number;
  readonly protection: number;
  /** The type of each section within. */
  readonly sections: readonly number[];
}

export interface MachO {
  readonly magic: number;
  readonly cpu: number;
  readonly fileType: number;
  readonly flags: number;
  readonly segments: readonly Segment[];
  readonly id: string;
  readonly libraries: readonly string[];
  readonly platform: number;
  /** The oldest system that may load it, as "major.minor.patch". */
  readonly systemOldest: string;
  readonly exported: ReadonlyMap<string, number>;
  /** Each name with the library that it must come from, counted from 1. */
  readonly imported: ReadonlyMap<string, number>;
  /** External names of the symbol table. */
  readonly defined: readonly string[];
  readonly undefined: readonly string[];
  readonly signature: Buffer | undefined;
}

/** Throws where the file ends too early, or holds a load command that this reader does not know. */
export function readMachO(file: Buffer): MachO {
  const segments: Segment[] = [];
  const libraries: string[] = [];
  const exported = new Map<string, number>();
  const imported = new Map<string, number>();
  const defined: string[] = [];
  const undefined_: string[] = [];
  let id = "";
  let platform = 0;
  let systemOldest = "";
  let signature: Buffer | undefined;

  let at = HEADER_BYTES;
  for (let left = file.readUInt32LE(16); left > 0; left--) {
    const command = file.readUInt32LE(at);
    if (!KNOWN.includes(command)) throw new Error(`unknown load command ${command.toString(16)}`);
    const word = (index: number): number => file.readUInt32LE(at + 8 + 4 * index);
    const part = (index: number): Buffer =>
      file.subarray(word(index), word(index) + word(index + 1));
    if (command === COMMAND.SEGMENT) segments.push(readSegment(file, at));
    if (command === COMMAND.ID) id = text(file, at + word(0));
    if (command === COMMAND.LOAD_LIBRARY) libraries.push(text(file, at + word(0)));
    if (command === COMMAND.SIGNATURE) signature = part(0);
    if (command === COMMAND.BUILD_VERSION) {
      platform = word(0);
      systemOldest = [word(1) >>> 16, (word(1) >>> 8) & 0xff, word(1) & 0xff].join(".");
    }
    if (command === COMMAND.DYLD_INFO) {
      for (const opcodes of [part(2), part(4), part(6)]) readBindings(opcodes, imported);
      readTrie(part(8), 0, "", exported);
    }
    if (command === COMMAND.SYMBOLS) readSymbols(word(0), word(1), word(2));
    at += file.readUInt32LE(at + 4);
  }
  return {
    magic: file.readUInt32LE(0),
    cpu: file.readUInt32LE(4),
    fileType: file.readUInt32LE(12),
    flags: file.readUInt32LE(24),
    segments,
    id,
    libraries,
    platform,
    systemOldest,
    exported,
    imported,
    defined,
    undefined: undefined_,
    signature,
  };

  function readSymbols(symbolsAt: number, count: number, strings: number): void {
    const [external, where] = [0x01, 0x0e];
    for (let index = 0; index < count; index++) {
      const entry = symbolsAt + index * SYMBOL_BYTES;
      const type = file.readUInt8(entry + 4);
      if ((type & external) === 0) continue;
      const name = text(file, strings + file.readUInt32LE(entry));
      ((type & where) === 0 ? undefined_ : defined).push(name);
    }
  }
}

function readSegment(file: Buffer, at: number): Segment {
  const sectionAt = (index: number): number => at + SEGMENT_BYTES + index * SECTION_BYTES;
  return {
    name: text(file, at + 8),
    address: Number(file.readBigUInt64LE(at + 24)),
    memoryBytes: Number(file.readBigUInt64LE(at + 32)),
    offset: Number(file.readBigUInt64LE(at + 40)),
    fileBytes: Number(file.readBigUInt64LE(at + 48)),
    protection: file.readUInt32LE(at + 60),
    sections: Array.from({ length: file.readUInt32LE(at + 64) }, (_, index) =>
      file.readUInt8(sectionAt(index) + 64),
    ),
  };
}

/** Notes each name that the opcodes bind, and from which library. */
function readBindings(opcodes: Buffer, imported: Map<string, number>): void {
  const cursor = new Cursor(opcodes);
  let library = 0;
  let name = "";
  while (!cursor.done) {
    const byte = cursor.byte();
    const operand = byte & 0x0f;
    switch (byte & 0xf0) {
      case 0x00: // The end, or that of one lazy symbol.
      case 0x50: // What kind of pointer.
        break;
      case 0x10:
        library = operand;
        break;
      case 0x40:
        name = cursor.text();
        break;
      case 0x70: // Where to.
        cursor.number();
        break;
      case 0x90:
        imported.set(name, library);
        break;
      default:
        throw new Error(`unknown binding opcode ${byte.toString(16)}`);
    }
  }
}

/** Notes the address of each name below a node of the trie. */
function readTrie(trie: Buffer, at: number, prefix: string, exported: Map<string, number>): void {
  const cursor = new Cursor(trie, at);
  if (cursor.number() > 0) {
    const kind = cursor.number();
    if (kind !== 0) throw new Error(`${prefix} is exported as kind ${kind}`);
    exported.set(prefix, cursor.number());
  }
  for (let left = cursor.byte(); left > 0; left--) {
    const name = prefix + cursor.text();
    readTrie(trie, cursor.number(), name, exported);
  }
}

class Cursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  /** An unsigned LEB128. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  text(): string {
    const value = text(this.#bytes, this.#at);
    this.#at += value.length + 1;
    return value;
  }
}

function text(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at);
  if (end < 0) throw new Error("a name has no end");
  return bytes.toString("latin1", at, end);
}
