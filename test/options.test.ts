import { expect, test } from "bun:test";
import { type CallContext, IOLoop, type IOLoopOptions, READ } from "../src/index.ts";
import { Fds, ignore, poke, testLoop } from "./support.ts";
import { busy } from "./support-clock.ts";

test.each<[string, readonly unknown[], typeof RangeError | typeof TypeError]>([
  ["maxEvents", [0, -1, 1.5, 65_537, Number.NaN, Number.POSITIVE_INFINITY], RangeError],
  ["maxEvents", ["1", null, {}, true, Symbol.iterator], TypeError],
  ["spin", [-1, 1_000_001, Number.NaN, Number.POSITIVE_INFINITY], RangeError],
  ["spin", ["1", null, {}, Symbol.iterator], TypeError],
  ["maxWait", [0, -0, -1, Number.NaN, Number.NEGATIVE_INFINITY], RangeError],
  ["maxWait", ["1", null, {}, Symbol.iterator], TypeError],
  ["onError", [null, 1, "x", {}], TypeError],
  ["onSlow", [null, 1, "x", {}], TypeError],
])("a wrong %s is refused: %p", (name, values, type) => {
  for (const value of values) {
    const options = { [name]: value } as IOLoopOptions;
    expect(() => new IOLoop(options)).toThrow(type as typeof TypeError);
    expect(() => new IOLoop(options)).toThrow(name);
  }
});

test("slowCallback wants onSlow, and a time", () => {
  expect(() => new IOLoop({ slowCallback: 5 })).toThrow(/onSlow/);
  expect(() => new IOLoop({ slowCallback: Number.NaN, onSlow: ignore })).toThrow(RangeError);
  const text = "5" as unknown as number;
  expect(() => new IOLoop({ slowCallback: text, onSlow: ignore })).toThrow(TypeError);
});

test("the outermost values are taken, and undefined is the default", () => {
  for (const options of [
    {},
    { maxEvents: 1, spin: 0, maxWait: 1e-9 },
    { maxEvents: 65_536, spin: 1e6, maxWait: Number.POSITIVE_INFINITY },
    { maxEvents: undefined, spin: undefined, maxWait: undefined },
    { onError: undefined, onSlow: undefined, slowCallback: undefined },
  ]) {
    using loop = new IOLoop(options);
    expect(loop.runOnce(0)).toBe(0);
  }
});

test("maxEvents 1 serves one fd per pass, and all in turn", () => {
  using loop = testLoop({ maxEvents: 1 });
  using fds = new Fds();
  const served = new Set<number>();
  for (const [reader, writer] of [fds.pipe(), fds.pipe(), fds.pipe()]) {
    poke(writer);
    loop.addHandler(reader, READ, (fd) => served.add(fd));
  }
  for (let pass = 1; pass <= 3; pass++) {
    expect(loop.runOnce(0)).toBe(1);
    expect(served.size).toBe(pass);
  }
});

test("onSlow hears of each slow call, with its duration and source, and of no quick one", () => {
  const slow: [number, CallContext][] = [];
  using loop = testLoop({
    // A quick call stays far below this also when it is interrupted.
    slowCallback: 30,
    onSlow: (durationMs, context) => slow.push([durationMs, context]),
  });
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  loop.addHandler(reader, READ, () => {
    loop.removeHandler(reader);
    busy(31);
  });
  const timeout = loop.callLater(0, () => busy(31));
  const interval = loop.setInterval(1, () => {
    loop.clearInterval(interval);
    busy(31);
  });
  loop.addCallback(() => busy(31));
  loop.addCallback(() => queueMicrotask(() => busy(31)));
  loop.addCallback(() => {});
  loop.runOnce(0);
  expect(slow.map(([, context]) => context)).toEqual([
    { source: "timeout", ref: timeout },
    { source: "interval", ref: interval },
    { source: "callback" },
    { source: "callback" },
    { source: "handler", fd: reader },
  ]);
  for (const [durationMs] of slow) expect(durationMs).toBeGreaterThanOrEqual(31);
});

test("a slow call that throws is reported as both", () => {
  const log: string[] = [];
  using loop = new IOLoop({
    onError: () => log.push("error"),
    slowCallback: 5,
    onSlow: () => log.push("slow"),
  });
  loop.addCallback(() => {
    busy(6);
    throw new Error("slow and wrong");
  });
  loop.runOnce(0);
  expect(log).toEqual(["error", "slow"]);
});

test("onSlow alone means 100 ms", () => {
  let slow = 0;
  using loop = testLoop({ onSlow: () => slow++ });
  loop.addCallback(() => busy(101));
  loop.runOnce(0);
  expect(slow).toBe(1);
  loop.addCallback(() => busy(1));
  loop.runOnce(0);
  expect(slow).toBe(1);
});
