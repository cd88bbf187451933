import { describe, expect, test } from "bun:test";
import { EDGE, type IOLoop, READ } from "../src/index.ts";
import { Fds, fail, ignore, poke, testLoop, thrownBy, untyped } from "./support.ts";
import { revokedProxy } from "./support-abuse.ts";
import { expectFree, expectNothingDue, reasonOf } from "./support-awaiting.ts";
import { Channel } from "./support-ports.ts";
import { expectIOLoopError } from "./support-system.ts";

/** What waits for an fd, or for a time, with options. */
const WAITS: [name: string, wait: (loop: IOLoop, fd: number, options: never) => unknown][] = [
  ["readable", (loop, fd, options) => loop.readable(fd, options)],
  ["writable", (loop, fd, options) => loop.writable(fd, options)],
  ["sleep", (loop, _fd, options) => loop.sleep(60_000, options)],
  ["events", (loop, fd, options) => loop.events(fd, READ, options)],
];

/** What a wait is refused with, be it thrown or rejected. */
async function refusalOf(wait: () => unknown): Promise<unknown> {
  return reasonOf((async () => await wait())());
}

/** What a wait settles with, or the first event of a stream. */
function answerOf(waiting: unknown): Promise<unknown> {
  return waiting instanceof Promise ? waiting : (waiting as AsyncIterator<number>).next();
}

describe.each(WAITS)("%s", (name, wait) => {
  test.each([
    ["was made from the prototype", Object.create(AbortSignal.prototype)],
    [
      "tells that it is not aborted",
      Object.create(AbortSignal.prototype, { aborted: { value: false } }),
    ],
    ["is a proxy of one", new Proxy(new AbortController().signal, {})],
    ["is a revoked proxy", revokedProxy()],
  ])("refuses a signal that %s, and leaves nothing behind", async (_what, signal) => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const refused = await refusalOf(() => wait(loop, a, untyped({ signal, timeout: 60_000 })));
    expect(refused).toBeInstanceOf(TypeError);
    expect((refused as Error).message).toMatch(/^signal must be an AbortSignal/);
    expectFree(loop, a);
    expectNothingDue(loop);
  });

  test("asks the class of a signal, and not the signal's own properties", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const controller = new AbortController();
    const { signal } = controller;
    const hostile = (): never => {
      loop.close();
      throw new Error("of the signal");
    };
    for (const key of ["addEventListener", "removeEventListener"]) {
      Object.defineProperty(signal, key, { value: hostile });
    }
    for (const key of ["aborted", "reason"]) Object.defineProperty(signal, key, { get: hostile });
    const waiting = wait(loop, a, untyped({ signal, timeout: 60_000 }));
    const asked = answerOf(waiting);
    controller.abort("enough");
    expect(await reasonOf(asked)).toBe("enough");
    expect(loop.closed).toBeFalse();
    expectFree(loop, a);
    expectNothingDue(loop);
  });

  test("reads each option once, and believes what it was told then", async () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const controller = new AbortController();
    const read = { signal: 0, timeout: 0 };
    const options = {
      get signal(): unknown {
        return read.signal++ === 0 ? controller.signal : {};
      },
      get timeout(): unknown {
        return read.timeout++ === 0 ? 60_000 : Number.NaN;
      },
    };
    const waiting = wait(loop, a, untyped(options));
    expect([read.signal, read.timeout]).toEqual([1, 1]);
    expect(loop.pollTimeout()).not.toBeNaN();
    const asked = answerOf(waiting);
    controller.abort("enough");
    expect(await reasonOf(asked)).toBe("enough");
    expectFree(loop, a);
    expectNothingDue(loop);
  });

  test("hears of a loop that a getter of its options closes", async () => {
    const loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const options = {
      get signal(): undefined {
        loop.close();
        return undefined;
      },
    };
    const refused = await refusalOf(() => wait(loop, a, untyped(options)));
    expectIOLoopError(refused, "ERR_LOOP_CLOSED", new RegExp(`^${name}: `));
  });

  // It takes no fd.
  if (name === "sleep") return;
  test("hears of a loop that the getter of its fd closes", async () => {
    const loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const target = {
      get fd(): number {
        loop.close();
        return a;
      },
    };
    const refused = await refusalOf(() => wait(loop, untyped(target), untyped({})));
    expectIOLoopError(refused, "ERR_LOOP_CLOSED", new RegExp(`^${name}: `));
  });
});

describe("an fd whose getter", () => {
  test("closes the loop is watched by nobody", () => {
    const loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const target = {
      get fd(): number {
        loop.close();
        return a;
      },
    };
    const refused = thrownBy(() => loop.addHandler(target, READ, ignore));
    expectIOLoopError(refused, "ERR_LOOP_CLOSED");
    using second = testLoop();
    expectFree(second, a);
  });

  test("adds the same fd is refused, and the handler within stays", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a, b] = fds.pair();
    let heard = 0;
    const target = {
      get fd(): number {
        loop.addHandler(a, READ | EDGE, () => heard++);
        return a;
      },
    };
    expectIOLoopError(
      thrownBy(() => loop.addHandler(target, READ, () => fail("called"))),
      "EEXIST",
    );
    poke(b);
    loop.runOnce(0);
    expect(heard).toBe(1);
  });

  test("removes the fd finds none to update, or to remove", () => {
    using loop = testLoop();
    using fds = new Fds();
    const [a] = fds.pair();
    const target = {
      get fd(): number {
        loop.removeHandler(a);
        return a;
      },
    };
    loop.addHandler(a, READ, ignore);
    expectIOLoopError(
      thrownBy(() => loop.updateHandler(target, READ)),
      "ENOENT",
    );
    loop.addHandler(a, READ, ignore);
    expect(loop.removeHandler(target)).toBeFalse();
  });

  test("throws passes its error on, but for removeHandler, which says that there is none", () => {
    using loop = testLoop();
    const target = {
      get fd(): number {
        throw new Error("of the getter");
      },
    };
    expect(() => loop.addHandler(target, READ, ignore)).toThrow("of the getter");
    expect(() => loop.updateHandler(target, READ)).toThrow("of the getter");
    expect(loop.removeHandler(target)).toBeFalse();
  });
});

test.each([
  ["that was made from the prototype", () => Object.create(MessagePort.prototype)],
  ["that is a proxy of one", (channel: Channel) => new Proxy(channel.near, {})],
  ["that stands before one", (channel: Channel) => Object.create(channel.near)],
  ["that is a revoked proxy", revokedProxy],
])("a port %s is refused, and the loop keeps nothing of it", (_what, make) => {
  using channel = new Channel();
  const port = make(channel);
  const loop = testLoop();
  for (const _ of [1, 2]) {
    const error = thrownBy(() => loop.addPort(port, ignore));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(/^port must be a MessagePort, not an object/);
  }
  expect(loop.removePort(port)).toBeFalse();
  loop.close();
});
