// Prints the hashes of native/ as sha256sum does, so that two machines can compare what they built.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A line for each file of `folder`, in the order of their names. */
export function hashesOf(folder: string): string {
  const line = (name: string): string => {
    const bytes = readFileSync(join(folder, name));
    return `${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${name}\n`;
  };
  return readdirSync(folder).sort().map(line).join("");
}

if (import.meta.main) process.stdout.write(hashesOf(join(import.meta.dir, "../native")));
