// A pipe with a name, whose ends come and go.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { constants, openSync } from "node:fs";
import { ERROR, ONESHOT, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { drain, Fds, fill, ignore, poke, testLoop, thrownBy } from "./support.ts";
import { FAILED, HUNG_UP } from "./support-events.ts";
import { Folder } from "./support-system.ts";
import { watch } from "./support-watch.ts";

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

/** Makes a FIFO; returns what opens an end of it, the first of which must be a reader. */
function makeFifo(folder: Folder, fds: Fds): (direction: number) => number {
  const path = folder.file("fifo");
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  return (direction) => fds.keep(openSync(path, direction | O_NONBLOCK));
}

if (process.platform === "darwin") {
  test("a FIFO by name is refused with EPERM, and why", () => {
    using loop = testLoop();
    using fds = new Fds();
    using folder = new Folder();
    const open = makeFifo(folder, fds);
    const error = thrownBy(() => loop.addHandler(open(O_RDONLY), READ, ignore));
    expect(error).toMatchObject({ code: "EPERM" });
    expect((error as Error).message).toMatch(/FIFO/);
  });
} else {
  describe("a FIFO by name", () => {
    test("is READ when something is written, and a hang-up when the last writer has gone", () => {
      using loop = testLoop();
      using fds = new Fds();
      using folder = new Folder();
      const open = makeFifo(folder, fds);
      const reader = open(O_RDONLY);
      const seen = watch(loop, reader, READ);
      expect(loop.runOnce(0)).toBe(0);
      const [one, two] = [open(O_WRONLY), open(O_WRONLY)];
      poke(one, "text");
      fds.close(one);
      loop.runOnce(0);
      expect(drain(reader)).toBe("text");
      expect(loop.runOnce(0)).toBe(0);
      fds.close(two);
      loop.runOnce(0);
      // A new writer ends the hang-up.
      poke(open(O_WRONLY));
      loop.runOnce(0);
      expect(seen).toEqual([READ, READ | HUNG_UP, READ]);
    });

    test("is WRITE while there is room, and an error when the last reader has gone", () => {
      using loop = testLoop();
      using fds = new Fds();
      using folder = new Folder();
      const open = makeFifo(folder, fds);
      const reader = open(O_RDONLY);
      const writer = open(O_WRONLY);
      const seen = watch(loop, writer, WRITE);
      loop.runOnce(0);
      fill(writer);
      expect(loop.runOnce(0)).toBe(0);
      fds.close(reader);
      loop.runOnce(0);
      expect(seen).toEqual([WRITE, WRITE | FAILED]);
      expect(thrownBy(() => io.write(writer, new Uint8Array(1)))).toMatchObject({ code: "EPIPE" });
    });

    test("whose writers come and go is told each time to ERROR alone, and once with ONESHOT", () => {
      using loop = testLoop();
      using fds = new Fds();
      using folder = new Folder();
      const open = makeFifo(folder, fds);
      const always = watch(loop, open(O_RDONLY), ERROR);
      const once = watch(loop, open(O_RDONLY), ERROR | ONESHOT);
      for (let writer = 1; writer <= 3; writer++) {
        fds.close(open(O_WRONLY));
        loop.runOnce(0);
        expect(always).toHaveLength(writer);
      }
      expect(always).toEqual([HUNG_UP, HUNG_UP, HUNG_UP]);
      expect(once).toEqual([HUNG_UP]);
    });
  });
}
