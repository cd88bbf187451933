import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as abi from "../src/abi.ts";
import * as events from "../src/events.ts";
import { load, native } from "../src/native.ts";

const FOLDER = join(import.meta.dir, "..", "native");
const SIZE_MOST = 64 * 1024;

const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const DT_NEEDED = 1n;

interface Library {
  readonly machine: number;
  readonly exported: string[];
  readonly undefinedNames: string[];
  readonly needed: number;
}

/** Reads what a dynamic linker would, without tools that a machine may lack. */
function readLibrary(path: string): Library {
  const file = readFileSync(path);
  expect(file.subarray(0, 6).toString("latin1")).toBe("\x7fELF\x02\x01");
  const sectionsAt = Number(file.readBigUInt64LE(0x28));
  const sectionBytes = file.readUInt16LE(0x3a);
  const sections = Array.from({ length: file.readUInt16LE(0x3c) }, (_, index) => {
    const at = sectionsAt + index * sectionBytes;
    return {
      type: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 0x18)),
      size: Number(file.readBigUInt64LE(at + 0x20)),
      link: file.readUInt32LE(at + 0x28),
    };
  });
  const symbols = sections.find(({ type }) => type === SHT_DYNSYM);
  const names = sections[symbols?.link ?? -1];
  const dynamic = sections.find(({ type }) => type === SHT_DYNAMIC);
  if (symbols === undefined || names === undefined || dynamic === undefined) {
    throw new Error(`${path} has no dynamic section or symbols`);
  }

  const exported: string[] = [];
  const undefinedNames: string[] = [];
  // The first entry is empty by definition.
  for (let at = symbols.offset + 24; at < symbols.offset + symbols.size; at += 24) {
    const nameAt = names.offset + file.readUInt32LE(at);
    const name = file.toString("latin1", nameAt, file.indexOf(0, nameAt));
    (file.readUInt16LE(at + 6) === 0 ? undefinedNames : exported).push(name);
  }
  let needed = 0;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    if (file.readBigInt64LE(at) === DT_NEEDED) needed++;
  }
  return { machine: file.readUInt16LE(0x12), exported, undefinedNames, needed };
}

test("the library's layout is what abi.ts and events.ts say", () => {
  const expected = [
    abi.ABI_VERSION,
    abi.RECORD_WORDS * Int32Array.BYTES_PER_ELEMENT,
    abi.RECORD_FD * Int32Array.BYTES_PER_ELEMENT,
    abi.RECORD_WORD * Int32Array.BYTES_PER_ELEMENT,
    abi.GENERATION_SHIFT,
    abi.GENERATION_MAX,
    abi.BATCH_ENTRY_BYTES,
    abi.STATE_WORDS * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_POLLER_FD * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_WAKE_FD * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_TIMEOUT_MS_ONLY * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_WOKEN * Int32Array.BYTES_PER_ELEMENT,
    events.READ,
    events.PRI,
    events.WRITE,
    events.ERROR,
    events.EDGE,
    events.ONESHOT,
    abi.BACKEND_EPOLL,
    abi.BACKEND_KQUEUE,
    abi.ADDRESS_BYTES,
    abi.ADDRESS_FAMILY * Int32Array.BYTES_PER_ELEMENT,
    abi.ADDRESS_PORT * Int32Array.BYTES_PER_ELEMENT,
    abi.ADDRESS_LENGTH * Int32Array.BYTES_PER_ELEMENT,
    abi.ADDRESS_TEXT_OFFSET,
    abi.FAMILY_IP,
    abi.FAMILY_UNIX,
    abi.SOCKET_DATAGRAM,
    abi.SOCKET_UNIX,
    abi.SOCKET_REUSE_PORT,
  ];
  const values = new Int32Array(new ArrayBuffer(64 * Int32Array.BYTES_PER_ELEMENT));
  const count = native().ioloop_abi_layout(values, values.length);
  expect([...values.subarray(0, count)]).toEqual(expected);
  expect(native().ioloop_abi_version()).toBe(abi.ABI_VERSION);
});

test("the layout fills no more than the room it is given", () => {
  const values = new Int32Array(new ArrayBuffer(64 * Int32Array.BYTES_PER_ELEMENT)).fill(-1);
  const count = native().ioloop_abi_layout(values, 3);
  expect(count).toBeGreaterThan(3);
  expect(values[2]).not.toBe(-1);
  expect(values[3]).toBe(-1);
});

test("the bits of events.ts fit below the generation and do not overlap", () => {
  const { READ, PRI, WRITE, ERROR, EDGE, ONESHOT } = events;
  expect(READ + PRI + WRITE + ERROR + EDGE + ONESHOT).toBe(events.KNOWN);
  expect(events.KNOWN & ~abi.WORD_BITS).toBe(0);
  expect(abi.WORD_BITS).toBe(2 ** abi.GENERATION_SHIFT - 1);
});

describe.each([
  ["linux-x64.so", 62],
  ["linux-arm64.so", 183],
])("%s", (name, machine) => {
  const path = join(FOLDER, name);

  test("is for its own kind of machine", () => {
    expect(readLibrary(path).machine).toBe(machine);
  });

  test("exports every function that native.ts calls, and nothing else", () => {
    const host = { bunVersion: Bun.version, platform: process.platform, arch: process.arch };
    expect(readLibrary(path).exported.sort()).toEqual(Object.keys(load(host)).sort());
  });

  test("needs no other library and no symbol from outside", () => {
    const { needed, undefinedNames } = readLibrary(path);
    expect(needed).toBe(0);
    expect(undefinedNames).toEqual([]);
  });

  test("is smaller than 64 KiB", () => {
    expect(statSync(path).size).toBeLessThan(SIZE_MOST);
  });
});
