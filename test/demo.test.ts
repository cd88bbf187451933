import { expect, test } from "bun:test";
import { join } from "node:path";

const LIMIT_MS = 30_000;

test(
  "the demo prints a plain line a second in a pipe, then its figures, and ends by itself",
  async () => {
    const demo = Bun.spawn([process.execPath, join(import.meta.dir, "../examples/demo.ts")], {
      stdout: "pipe",
      stderr: "pipe",
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    const [output, errors] = await Promise.all([demo.stdout.text(), demo.stderr.text()]);
    expect(errors).toBe("");
    expect(await demo.exited).toBe(0);

    expect(output).not.toContain("\x1b");
    // A machine that stalls for a whole second swallows a line.
    const lines = output.match(/^\d\.\d s {2}[\d,]+ messages, [\d,]+ a second$/gm) ?? [];
    expect(lines.length).toBeWithin(2, 4);
    expect(output).toMatch(/^messages +[\d,]+ a second over 64 connections$/m);
    expect(output).toMatch(/^round trip +p50 [\d,]+ us, p99 [\d,]+ us$/m);
    expect(output).toMatch(/^100 ms interval +\d+ beats, late by p50 \d+\.\d\d ms/m);
    expect(output).toMatch(/^pending timeouts +1,000 at any moment, [\d,]+ ran$/m);
  },
  LIMIT_MS,
);
