// Opens the native library again and again, each time cut off or damaged elsewhere:
// abuse-library.ts <seed> <journal> <folder> <library> "cut" | "damage". Each time it must be refused, or work.
import { type Pointer, toArrayBuffer } from "bun:ffi";
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BATCH_ENTRY_BYTES, STATE_WORDS } from "../../src/abi.ts";
import { IOLoopError } from "../../src/errors.ts";
import { load } from "../../src/native.ts";
import { Journal } from "../support-abuse.ts";
import { report } from "../support-child.ts";
import { readElf } from "../support-elf.ts";
import { pseudoRandom } from "../support-random.ts";

const [seed, journalFile = "", folder = "", library = "", kind] = process.argv.slice(2);
const whole = readFileSync(library);
const random = pseudoRandom(Number(seed));
const journal = new Journal(journalFile);

/** Where the header and the table of segments end, which is before anything else of the file. */
const HEADER_BYTES = 64;
const ENTRY_BYTES = 56;
const headersEnd = HEADER_BYTES + whole.readUInt16LE(0x38) * ENTRY_BYTES;
/** What is behind, nothing reads at run time. */
const needed = Math.max(
  ...readElf(whole).segments.map(({ offset, fileBytes }) => offset + fileBytes),
);

let refused = 0;
let opened = 0;

/** Opens what the library has become; true when it works, false when it is refused as it should be. */
function attempt(what: string, content: Buffer): boolean {
  journal.enter(what);
  const override = join(folder, `${refused + opened}.so`);
  writeFileSync(override, content);
  try {
    use(
      load({ bunVersion: Bun.version, platform: process.platform, arch: process.arch, override }),
    );
    opened++;
    return true;
  } catch (error) {
    if (!(error instanceof IOLoopError) || error.code !== "ERR_LIBRARY") throw error;
    const clear = /^the native library .* (is|cannot be loaded) .*: .*build the library/s;
    if (!clear.test(error.message)) throw error;
    refused++;
    return false;
  } finally {
    unlinkSync(override);
  }
}

function use(native: ReturnType<typeof load>): void {
  const address = new Float64Array(new ArrayBuffer(Float64Array.BYTES_PER_ELEMENT));
  if (native.ioloop_open(address, 0) !== 0) throw new Error("no loop");
  const state = new Int32Array(toArrayBuffer(address[0] as Pointer, 0, STATE_WORDS * 4));
  const batch = new Uint8Array(new ArrayBuffer(BATCH_ENTRY_BYTES));
  if (native.ioloop_wait(state, batch, 1, 0) !== 0) throw new Error("no wait");
  native.ioloop_close(state);
}

function cut(): void {
  const places = [0, 1, 4, 16, 20, HEADER_BYTES, headersEnd, needed];
  for (const { offset, fileBytes } of readElf(whole).segments)
    places.push(offset, offset + fileBytes);
  for (let at = 0; at < whole.length; at += 4096) places.push(at);
  const lengths = places.flatMap((at) => [at - 1, at, at + 1]);
  for (let count = 0; count < 300; count++) lengths.push(random(whole.length));
  for (const length of new Set(lengths)) {
    if (length < 0 || length >= whole.length) continue;
    const works = attempt(`the first ${length} bytes`, whole.subarray(0, length));
    if (works !== length >= needed)
      throw new Error(`${journal.entry}: ${works ? "opened" : "refused"}`);
  }
}

/** Every field of the header and of the table, and every stretch of them, as a bad copy or disk leaves it. */
function damage(): void {
  const fields: [at: number, bytes: number][] = [];
  const list = (start: number, sizes: readonly number[]): void => {
    let at = start;
    for (const bytes of sizes) {
      fields.push([at, bytes]);
      at += bytes;
    }
  };
  list(0, [...new Array(16).fill(1), 2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2]);
  for (let at = HEADER_BYTES; at < headersEnd; at += ENTRY_BYTES) {
    list(at, [4, 4, 8, 8, 8, 8, 8, 8]);
  }
  for (const bytes of [8, 16, 64, headersEnd]) {
    for (let at = 0; at < headersEnd; at += bytes) fields.push([at, bytes]);
  }
  for (const [at, bytes] of fields) {
    for (const value of [0, 0xff]) {
      const content = Buffer.from(whole).fill(value, at, Math.min(at + bytes, headersEnd));
      attempt(`bytes ${at} to ${at + bytes} are ${value}`, content);
    }
  }
}

if (kind === "cut") cut();
else damage();
report({ refused, opened });
