import { expect, test } from "bun:test";
import { example } from "./support-examples.ts";
import { Folder } from "./support-system.ts";

const LIMIT_MS = 30_000;

test(
  "the demo prints a plain line a second in a pipe, then its figures, and ends by itself",
  async () => {
    const demo = example("demo.ts");
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

const hasInotify = process.platform === "linux";
if (!hasInotify) console.log("Linux alone has inotify: its example is not run");

test.skipIf(!hasInotify)(
  "the inotify example prints the file that was written, and ends with Ctrl-C",
  async () => {
    using folder = new Folder();
    const watcher = example("inotify.ts", folder.path);
    const lines: string[] = [];
    const decoder = new TextDecoder();
    for await (const chunk of watcher.stdout) {
      lines.push(...decoder.decode(chunk).trimEnd().split("\n"));
      if (lines.length === 1) await Bun.write(folder.file("hello.txt"), "hello");
      else watcher.kill("SIGINT");
    }
    await watcher.exited;
    expect(lines).toEqual([`watching ${folder.path}`, "written: hello.txt"]);
    expect(watcher.signalCode).toBe("SIGINT");
  },
);
