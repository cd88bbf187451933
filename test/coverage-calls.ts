// Preloaded where the coverage is measured: notes which functions of the native library the tests call.
import { afterAll } from "bun:test";
import { writeFileSync } from "node:fs";
import { native } from "../src/native.ts";

const symbols = native() as unknown as Record<string, (...args: unknown[]) => unknown>;
const called = new Set<string>();
for (const [name, call] of Object.entries(symbols)) {
  symbols[name] = (...args) => {
    called.add(name);
    return call(...args);
  };
}

afterAll(() => writeFileSync(process.env["BUN_IOLOOP_CALLED"] as string, [...called].join("\n")));
