import { expect, test } from "bun:test";
import { type IOLoop, IOLoopError, READ, WRITE } from "../src/index.ts";
import { drain, Fds, poke, run, testLoop, thrownBy } from "./support.ts";
import { CYCLE, FALSE_READS, lacks } from "./support-backend.ts";
import { watch } from "./support-watch.ts";

const embeddingTest = test.skipIf(lacks("a queue that can be watched"));

/** Runs `inner` inside `outer`, as the documentation says; returns how many passes it made. */
function embed(inner: IOLoop, outer: IOLoop): { passes: number } {
  const count = { passes: 0 };
  outer.addHandler(inner.fd, READ, () => {
    count.passes++;
    inner.runOnce(0);
  });
  return count;
}

/** Fails when `outer` hears of an inner loop that has nothing to do. */
function expectQuiet(outer: IOLoop): void {
  for (let pass = 0; pass < FALSE_READS; pass++) outer.runOnce(0);
  expect(outer.runOnce(0)).toBe(0);
}

/** Fails when an inner loop made other passes than those it had a reason for. */
function expectPasses({ passes }: { readonly passes: number }, expected: number): void {
  expect(passes).toBeWithin(expected, expected + FALSE_READS + 1);
}

test("a loop's fd is the same at every read, and differs from another loop's", () => {
  using one = testLoop();
  using two = testLoop();
  expect(one.fd).toBeGreaterThan(2);
  expect(one.fd).toBe(one.fd);
  expect(one.fd).not.toBe(two.fd);
});

embeddingTest(
  "an outer loop hears when a handler of an inner loop has something to do, and only then",
  () => {
    using outer = testLoop();
    using inner = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    const count = embed(inner, outer);
    let text = "";
    inner.addHandler(a, READ, (fd) => {
      text += drain(fd);
    });
    expect(outer.runOnce(0)).toBe(0);
    poke(b, "one ");
    expect(outer.runOnce(0)).toBe(1);
    expectQuiet(outer);
    poke(b, "two");
    outer.runOnce(0);
    expect(text).toBe("one two");
    expectPasses(count, 2);
  },
);

embeddingTest("what was ready before the first read of fd is heard too", () => {
  using outer = testLoop();
  using inner = testLoop();
  using fds = new Fds();
  const [a] = fds.pair();
  const seen = watch(inner, a, WRITE);
  embed(inner, outer);
  outer.runOnce(0);
  expect(seen).toEqual([WRITE]);
});

test("pollTimeout is Infinity without work, 0 with a callback, and else the time to the nearest timer", () => {
  using loop = testLoop();
  using fds = new Fds();
  watch(loop, fds.pair()[0], WRITE);
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
  const far = loop.callLater(60_000, () => {});
  // The clock went on a little since the call; a minute is far more than a test takes.
  expect(loop.pollTimeout()).toBeGreaterThan(1000);
  expect(loop.pollTimeout()).toBeLessThanOrEqual(60_000);
  const near = loop.setInterval(1000, () => {});
  expect(loop.pollTimeout()).toBeLessThanOrEqual(1000);
  loop.clearInterval(near);
  expect(loop.pollTimeout()).toBeGreaterThan(1000);
  loop.callLater(-5, () => {});
  expect(loop.pollTimeout()).toBe(0);
  loop.runOnce(0);
  loop.removeTimeout(far);
  expect(loop.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
  loop.addCallback(() => {});
  expect(loop.pollTimeout()).toBe(0);
});

embeddingTest(
  "an outer loop drives an inner one's timers, callbacks and handlers by its pollTimeout and fd",
  () => {
    using outer = testLoop();
    using inner = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const order: string[] = [];
    const pass = (): void => {
      inner.runOnce(0);
      const delay = inner.pollTimeout();
      if (delay !== Number.POSITIVE_INFINITY) outer.callLater(delay, pass);
      else if (order.includes("handler")) outer.stop();
      else outer.callLater(2, () => poke(writer));
    };
    inner.addCallback(() => {
      order.push("callback");
      inner.callLater(5, () => {
        order.push("timeout");
        inner.addCallback(() => order.push("callback of the timeout"));
      });
    });
    inner.addHandler(reader, READ, () => {
      order.push("handler");
      inner.removeHandler(reader);
      inner.callLater(3, () => order.push("timeout of the handler"));
    });
    outer.addHandler(inner, READ, pass);
    outer.callLater(inner.pollTimeout(), pass);
    run(outer);
    expect(order).toEqual([
      "callback",
      "timeout",
      "callback of the timeout",
      "handler",
      "timeout of the handler",
    ]);
  },
);

embeddingTest("an update in an inner handler is heard by the outer loop's next wait", () => {
  using outer = testLoop();
  using inner = testLoop();
  using fds = new Fds();
  const [a, b] = fds.pair();
  const count = embed(inner, outer);
  const seen: number[] = [];
  inner.addHandler(a, READ, (fd, events) => {
    seen.push(events);
    drain(fd);
    inner.updateHandler(fd, seen.length === 1 ? WRITE : 0);
  });
  poke(b);
  for (let pass = 0; pass < 4; pass++) outer.runOnce(0);
  expect(seen).toEqual([READ, WRITE]);
  expectPasses(count, 2);
});

embeddingTest(
  "a handler that is added or removed in an inner handler is heard by the outer loop's next wait",
  () => {
    using outer = testLoop();
    using inner = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const [b] = fds.pair();
    const count = embed(inner, outer);
    const order: string[] = [];
    inner.addHandler(a, WRITE, () => {
      order.push("a");
      inner.removeHandler(a);
      inner.addHandler(b, WRITE, () => {
        order.push("b");
        inner.removeHandler(b);
      });
    });
    for (let pass = 0; pass < 4; pass++) outer.runOnce(0);
    expect(order).toEqual(["a", "b"]);
    expectPasses(count, 2);
  },
);

embeddingTest("an inner loop that takes one event at a time is heard until all are taken", () => {
  using outer = testLoop();
  using inner = testLoop({ maxEvents: 1 });
  using fds = new Fds();
  const count = embed(inner, outer);
  for (let index = 0; index < 5; index++) {
    inner.addHandler(fds.pair()[0], WRITE, (fd) => inner.removeHandler(fd));
  }
  for (let pass = 0; pass < 8; pass++) outer.runOnce(0);
  expectPasses(count, 5);
});

embeddingTest("a loop inside a loop inside a loop is heard outside", () => {
  using outer = testLoop();
  using middle = testLoop();
  using inner = testLoop();
  using fds = new Fds();
  embed(inner, middle);
  embed(middle, outer);
  const [a, b] = fds.pair();
  const seen = watch(inner, a, READ);
  expect(outer.runOnce(0)).toBe(0);
  poke(b);
  outer.runOnce(0);
  expect(seen).toEqual([READ]);
});

embeddingTest(
  "an inner loop is running only during its own pass, and the outer one around it",
  () => {
    using outer = testLoop();
    using inner = testLoop();
    using fds = new Fds();
    const states: boolean[] = [];
    inner.addHandler(fds.pair()[0], WRITE, () => {
      states.push(inner.running(), outer.running());
    });
    outer.addHandler(inner, READ, () => {
      inner.runOnce(0);
      states.push(inner.running(), outer.running());
    });
    outer.runOnce(0);
    expect(states).toEqual([true, true, false, true]);
  },
);

test("inside an outer loop only a runOnce that cannot block is allowed", () => {
  using outer = testLoop();
  using inner = testLoop();
  const codes: unknown[] = [];
  outer.addCallback(() => {
    for (const attempt of [() => inner.runOnce(1), () => inner.start(), () => outer.runOnce(0)]) {
      const error = thrownBy(attempt);
      codes.push(error instanceof IOLoopError ? error.code : error);
    }
    expect(inner.runOnce(0)).toBe(0);
  });
  outer.runOnce(0);
  expect(codes).toEqual(["ERR_LOOP_RUNNING", "ERR_LOOP_RUNNING", "ERR_LOOP_RUNNING"]);
});

embeddingTest(
  "an error that leaves an inner pass goes to the outer loop's onError, and both go on",
  () => {
    const heard: unknown[] = [];
    using outer = testLoop({ onError: (error) => heard.push(error) });
    using inner = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const [b] = fds.pair();
    const failure = new Error("a handler failed");
    inner.addHandler(a, WRITE, () => {
      throw failure;
    });
    const seen = watch(inner, b, WRITE);
    outer.addHandler(inner.fd, READ, () => inner.runOnce(0));
    outer.runOnce(0);
    expect(heard).toEqual([failure]);
    expect(inner.running()).toBe(false);
    // What the error left of the batch is due at once.
    expect(inner.pollTimeout()).toBe(0);
    inner.runOnce(0);
    expect(seen).toEqual([WRITE]);
  },
);

embeddingTest("two loops cannot watch each other, and a loop cannot watch itself", () => {
  using one = testLoop();
  using two = testLoop();
  embed(two, one);
  for (const watching of [() => embed(one, two), () => embed(one, one)]) {
    expect(thrownBy(watching)).toMatchObject({ code: CYCLE });
  }
  expect(two.removeHandler(one.fd)).toBe(false);
});

embeddingTest("after close the fd is -1 and the outer loop hears nothing more", () => {
  using outer = testLoop();
  using fds = new Fds();
  const inner = testLoop();
  const [a] = fds.pair();
  watch(inner, a, WRITE);
  const { fd } = inner;
  const count = embed(inner, outer);
  outer.runOnce(0);
  inner.close();
  expect(inner.fd).toBe(-1);
  expect(inner.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
  expect(outer.runOnce(0)).toBe(0);
  expect(outer.removeHandler(fd)).toBe(true);
  expect(count.passes).toBe(1);
});

embeddingTest("an inner loop may be closed in its own handler", () => {
  using outer = testLoop();
  using fds = new Fds();
  const inner = testLoop();
  const seen = [fds.pair(), fds.pair()].map(([a]) => {
    const calls: number[] = [];
    inner.addHandler(a, WRITE, (_fd, events) => {
      calls.push(events);
      outer.removeHandler(inner);
      inner.close();
    });
    return calls;
  });
  embed(inner, outer);
  outer.runOnce(0);
  expect(outer.runOnce(0)).toBe(0);
  expect(seen.flat()).toEqual([WRITE]);
});
