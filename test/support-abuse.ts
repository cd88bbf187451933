import { writeFileSync } from "node:fs";
import { untyped } from "./support.ts";
import { reportIn, runChild } from "./support-child.ts";
import { seedOfRun } from "./support-seed.ts";
import { Folder } from "./support-system.ts";

const JOURNAL_BYTES = 1024;

/** What a child draws its numbers from: a new seed each time, or the one that is to be tried again. */
export const SEED = seedOfRun();

/** A proxy that throws whatever is done with it. */
export function revokedProxy(): never {
  const { proxy, revoke } = Proxy.revocable(new Uint8Array(8), {});
  revoke();
  return untyped<never>(proxy);
}

/** What the next ones tell of their length. */
const TOLD = 2 ** 20;

class Longer extends Uint8Array {
  override get length(): number {
    return TOLD;
  }
}

/** Eight bytes that tell of a million, by their class. */
export function longer(): Uint8Array {
  return new Longer(8);
}

/** The same, by properties that are put on them. */
export function liar(array = new Uint8Array(8)): Uint8Array {
  for (const name of ["length", "byteLength", "byteOffset"]) {
    Object.defineProperty(array, name, { value: TOLD });
  }
  return array;
}

/** In a child: what it does now, in a file that outlives it however it ends. */
export class Journal {
  readonly #memory: Uint8Array;
  readonly #encoder = new TextEncoder();
  #entry = "";

  constructor(path: string) {
    this.#memory = Bun.mmap(path, { shared: true });
  }

  get entry(): string {
    return this.#entry;
  }

  enter(entry: string): void {
    this.#entry = entry;
    this.#memory.fill(0);
    this.#encoder.encodeInto(entry, this.#memory);
  }
}

/**
 * Runs `test/children/<name> <seed> <journal> <args>` in a folder of its own; returns the figures that it reports. Where
 * it dies or does not end, the error tells what it did at that moment, and the seed to try it again with.
 */
export async function figuresOfAbuse(
  name: string,
  args: readonly string[] = [],
): Promise<Record<string, number>> {
  using folder = new Folder();
  const journal = folder.file("journal");
  writeFileSync(journal, new Uint8Array(JOURNAL_BYTES));
  const { stdout, stderr, code } = await runChild(name, {
    args: [String(SEED), journal, folder.path, ...args],
  });
  const figures = reportIn(stdout);
  if (code === 0 && figures !== undefined) {
    console.log(`${name}: ${JSON.stringify(figures)} with seed ${SEED}`);
    return figures;
  }
  const entry = (await Bun.file(journal).text()).replaceAll("\0", "");
  throw new Error(
    `${name} ended with ${code} at "${entry}" (again: BUN_IOLOOP_SEED=${SEED}): ${stdout}${stderr}`,
  );
}
