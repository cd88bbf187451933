import { describe, expect, spyOn, test } from "bun:test";
import { type CallContext, EDGE, READ } from "../src/index.ts";
import { Fds, fail, ignore, openFds, poke, testLoop } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { ASLEEP_MS, addReady, rejectionOf, runHosted, runWoken, WAYS } from "./support-hosted.ts";
import { addCall, type Source } from "./support-sources.ts";

/** Of a step, each. */
const SOURCES: readonly Source[] = ["timeout", "interval", "callback", "handler"];

describe.each(WAYS)("in a hosted loop, %s,", (_name, way) => {
  test("a handler that throws is reported and removed, and the others go on", async () => {
    const reports: [unknown, CallContext][] = [];
    using loop = testLoop({ onError: (error, context) => reports.push([error, context]) });
    using fds = new Fds();
    const [bad, badWriter] = fds.pipe();
    poke(badWriter);
    const error = new Error("thrown");
    loop.addHandler(bad, READ, () => {
      throw error;
    });
    let others = 0;
    addReady(loop, fds, 3, () => {
      if (++others === 9) loop.stop();
    });
    await runHosted(loop, way);
    expect(reports).toEqual([[error, { source: "handler", fd: bad }]]);
    expect(reports[0]?.[0]).toBe(error);
    expect(loop.removeHandler(bad)).toBeFalse();
    expect(others).toBe(9);
  });

  test.each(SOURCES)("what a %s throws is reported, and the run goes on", async (source) => {
    const told: string[] = [];
    using loop = testLoop({
      onError: (error, context) => told.push(`${context.source}: ${error}`),
    });
    using fds = new Fds();
    addCall(loop, fds, source, () => fail("thrown"));
    loop.callLater(5, () => loop.stop());
    await runHosted(loop, way);
    expect(told).toEqual([`${source}: Error: thrown`]);
  });

  test.each(SOURCES)(
    "what onError throws of a %s rejects run(), and the loop can run again",
    async (source) => {
      using loop = testLoop();
      using fds = new Fds();
      const error = new Error("leaves");
      addCall(loop, fds, source, () => {
        throw error;
      });
      let kept = 0;
      loop.callLater(ASLEEP_MS, () => kept++);
      expect(await rejectionOf(runHosted(loop, way))).toBe(error);
      expect([loop.running(), loop.closed]).toEqual([false, false]);
      loop.callLater(ASLEEP_MS, () => loop.stop());
      await runHosted(loop, way);
      expect(kept).toBe(1);
    },
  );

  test("the rest of the batch comes in the next run after such an error, EDGE events too", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const called: number[] = [];
    addReady(
      loop,
      fds,
      5,
      (index) => {
        called.push(index);
        if (called.length === 2) fail("leaves");
        if (called.length === 5) loop.stop();
      },
      READ | EDGE,
    );
    expect(await rejectionOf(runHosted(loop, way))).toMatchObject({ message: "leaves" });
    expect(called).toHaveLength(2);
    await Bun.sleep(ASLEEP_MS);
    expect(called).toHaveLength(2);
    await runHosted(loop, way);
    expect(called.toSorted()).toEqual([0, 1, 2, 3, 4]);
  });

  test("a promise of a handler that rejects goes to onError, and the handler stays", async () => {
    const reports: [string, CallContext][] = [];
    using loop = testLoop({ onError: (error, context) => reports.push([`${error}`, context]) });
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    poke(writer);
    loop.addHandler(reader, READ, async () => {
      loop.updateHandler(reader, 0);
      // Bun settles it, between two turns.
      await Bun.sleep(5);
      loop.callLater(5, () => loop.stop());
      fail("rejected");
    });
    await runHosted(loop, way);
    expect(reports).toEqual([["Error: rejected", { source: "handler", fd: reader }]]);
    expect(loop.removeHandler(reader)).toBeTrue();
  });

  test("what onError throws of a promise that rejects within a turn rejects run()", async () => {
    using loop = testLoop();
    const error = new Error("leaves");
    loop.addCallback(async () => {
      await null;
      throw error;
    });
    expect(await rejectionOf(runHosted(loop, way))).toBe(error);
    loop.addCallback(() => loop.stop());
    await runHosted(loop, way);
  });

  test("what onError throws of a promise that rejects between two turns rejects run()", async () => {
    using loop = testLoop();
    const error = new Error("leaves");
    loop.addCallback(async () => {
      await Bun.sleep(5);
      throw error;
    });
    expect(await rejectionOf(runHosted(loop, way))).toBe(error);
    loop.addCallback(() => loop.stop());
    await runHosted(loop, way);
  });

  test("an error that rejects run() leaves another hosted loop alone", async () => {
    using failing = testLoop();
    using other = testLoop();
    let beats = 0;
    other.setInterval(2, () => {
      if (++beats === 10) other.stop();
    });
    failing.callLater(3, () => fail("leaves"));
    const ended = runHosted(other, way);
    expect(await rejectionOf(runHosted(failing, way))).toMatchObject({ message: "leaves" });
    await ended;
    expect(beats).toBe(10);
  });

  test("onError may stop or close the loop: run() resolves", async () => {
    for (const end of ["stop", "close"] as const) {
      using loop = testLoop({ onError: () => loop[end]() });
      loop.callLater(2, () => fail("reported"));
      loop.setInterval(1, ignore);
      await runHosted(loop, way);
      expect([loop.running(), loop.closed]).toEqual([false, end === "close"]);
    }
  });

  test("close() and then a throw that onError passes on: run() rejects with it", async () => {
    using loop = testLoop();
    loop.addCallback(() => {
      loop.close();
      fail("last words");
    });
    expect(await rejectionOf(runHosted(loop, way))).toMatchObject({ message: "last words" });
    expect(loop.running()).toBeFalse();
  });
});

describe.each(WAYS)("a run that Bun will not host, %s,", (_name, way) => {
  test("rejects with what Bun throws, leaves no fd behind, and can be asked for again", async () => {
    using loop = testLoop();
    const before = openFds();
    const refusal = new Error("not now");
    const connect = spyOn(Bun, "connect").mockImplementationOnce(() => {
      throw refusal;
    });
    try {
      expect(await rejectionOf(runWoken(loop, way))).toBe(refusal);
    } finally {
      connect.mockRestore();
    }
    expect(loop.running()).toBeFalse();
    if (!lacks("a close that is done on return")) expect(openFds()).toBeLessThanOrEqual(before);
    loop.callLater(1, () => loop.stop());
    await runHosted(loop, way);
  });
});
