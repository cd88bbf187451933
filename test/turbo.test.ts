import { afterEach, beforeEach, describe, expect, type Mock, spyOn, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import * as events from "../src/events.ts";
import { instance } from "../src/index.ts";
import { ioloop, type TurboIOLoop } from "../src/turbo.ts";
import { drain, Fds, ignore, poke, thrownBy } from "./support.ts";
import { Folder } from "./support-system.ts";
import { pass } from "./support-turbo.ts";

let loop: TurboIOLoop;
let notices: Mock<typeof console.error>;

beforeEach(() => {
  loop = ioloop.IOLoop();
  notices = spyOn(console, "error").mockImplementation(() => {});
});

afterEach(() => {
  notices.mockRestore();
  loop.close();
});

describe("the namespace", () => {
  test("has Turbo's numbers", () => {
    const { READ, PRI, WRITE, ERROR } = ioloop;
    expect({ READ, PRI, WRITE, ERROR }).toEqual({ READ: 1, PRI: 2, WRITE: 4, ERROR: 24 });
    expect(events).toMatchObject({ READ, PRI, WRITE, ERROR });
  });

  test("IOLoop() makes a new loop at each call, without new and with it", () => {
    const made = [loop, ioloop.IOLoop(), Reflect.construct(ioloop.IOLoop, []) as TurboIOLoop];
    expect(new Set(made).size).toBe(3);
    for (const each of made) {
      expect(each.running()).toBeFalse();
      each.close();
    }
  });

  test("instance() is the same object at each call, over the global loop", () => {
    const one = ioloop.instance();
    expect(ioloop.instance()).toBe(one);
    let ran = 0;
    one.add_callback(() => ran++);
    instance().runOnce(0);
    expect(ran).toBe(1);
    one.close();
  });

  test("instance() is a fresh one after close, whoever closed it", () => {
    const first = ioloop.instance();
    first.close();
    const second = ioloop.instance();
    expect(second).not.toBe(first);
    expect(second.add_callback(() => {})).toBe(second);
    instance().close();
    const third = ioloop.instance();
    expect(third).not.toBe(second);
    expect(third.running()).toBeFalse();
    third.close();
  });
});

describe("add_handler", () => {
  test("calls handler(fd, events), and answers true", () => {
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const calls: unknown[][] = [];
    const added = loop.add_handler(reader, ioloop.READ, (...args) => {
      calls.push(args);
      drain(reader);
    });
    expect(added).toBeTrue();
    poke(writer);
    pass(loop, 2);
    expect(calls).toEqual([[reader, ioloop.READ]]);
  });

  test("calls handler(arg, fd, events) where arg is given", () => {
    using fds = new Fds();
    const [, writer] = fds.pipe();
    const socket = { fd: writer, name: "socket" };
    const arg = { own: "state" };
    const calls: unknown[][] = [];
    loop.add_handler(socket, ioloop.WRITE, (...args) => calls.push(args), arg);
    pass(loop);
    expect(calls).toEqual([[arg, socket, ioloop.WRITE]]);
    expect(calls[0]?.[0]).toBe(arg);
    expect(calls[0]?.[1]).toBe(socket);
  });

  test("answers false with a notice for an fd that has a handler, which stays", () => {
    using fds = new Fds();
    const [, writer] = fds.pipe();
    const called: string[] = [];
    loop.add_handler(writer, ioloop.WRITE, () => called.push("first"));
    expect(loop.add_handler(writer, ioloop.WRITE, () => called.push("second"))).toBeFalse();
    expectNotice("add_handler", `fd ${writer}`, "EEXIST");
    pass(loop);
    expect(called).toEqual(["first"]);
  });

  test("answers false with a notice for an fd that is not open", () => {
    using fds = new Fds();
    const [reader] = fds.pipe();
    fds.close(reader);
    expect(loop.add_handler(reader, ioloop.READ, () => {})).toBeFalse();
    expectNotice("add_handler", "EBADF");
  });

  test("answers false with a notice for what can never be not ready", async () => {
    using folder = new Folder();
    await Bun.write(folder.file("regular"), "text");
    const fd = openSync(folder.file("regular"), "r");
    expect(loop.add_handler(fd, ioloop.READ, () => {})).toBeFalse();
    expectNotice("add_handler", "EPERM", "regular file");
    closeSync(fd);
  });

  test("throws at arguments of a wrong type, which no program means", () => {
    expect(thrownBy(() => loop.add_handler("3" as unknown as number, 1, ignore))).toBeInstanceOf(
      TypeError,
    );
    expect(
      thrownBy(() => loop.add_handler(3, 1, undefined as unknown as () => void)),
    ).toBeInstanceOf(TypeError);
    expect(notices).not.toHaveBeenCalled();
  });
});

describe("update_handler", () => {
  test("gives a new mask, and answers true", () => {
    using fds = new Fds();
    const [here] = fds.pair();
    const seen: number[] = [];
    loop.add_handler(here, ioloop.READ, (_fd, told) => seen.push(told));
    pass(loop);
    expect(loop.update_handler(here, ioloop.READ | ioloop.WRITE)).toBeTrue();
    pass(loop);
    expect(seen).toEqual([ioloop.WRITE]);
  });

  test("answers false with a notice for an fd without a handler", () => {
    using fds = new Fds();
    const [here] = fds.pair();
    expect(loop.update_handler(here, ioloop.WRITE)).toBeFalse();
    expectNotice("update_handler", `fd ${here}`, "ENOENT");
  });
});

test("remove_handler answers whether there was one, without a notice", () => {
  using fds = new Fds();
  const [here] = fds.pair();
  let called = 0;
  loop.add_handler(here, ioloop.WRITE, () => called++);
  expect(loop.remove_handler(here)).toBeTrue();
  expect(loop.remove_handler(here)).toBeFalse();
  pass(loop);
  expect(called).toBe(0);
  expect(notices).not.toHaveBeenCalled();
});

test("a closed loop takes no handler, and says so", () => {
  using fds = new Fds();
  const [here] = fds.pair();
  loop.close();
  expect(loop.add_handler(here, ioloop.READ, () => {})).toBeFalse();
  expectNotice("add_handler", "closed");
  expect(loop.remove_handler(here)).toBeFalse();
});

function expectNotice(...parts: readonly string[]): void {
  expect(notices).toHaveBeenCalledTimes(1);
  const text = String(notices.mock.calls[0]?.[0]);
  for (const part of ["notice", ...parts]) expect(text).toContain(part);
}

describe("signals", () => {
  test("a handler gets the number, and arg first where there is one, until it is removed", () => {
    const calls: unknown[] = [];
    expect(loop.add_signal_handler("SIGUSR2", (signo) => calls.push(signo))).toBeTrue();
    process.kill(process.pid, "SIGUSR2");
    pass(loop);
    expect(loop.add_signal_handler("SIGUSR2", (arg, signo) => calls.push(arg, signo), "arg")).toBe(
      true,
    );
    process.kill(process.pid, "SIGUSR2");
    pass(loop);
    const number = constants.signals.SIGUSR2;
    expect(calls).toEqual([number, "arg", number]);
    expect(loop.remove_signal_handler("SIGUSR2")).toBeTrue();
    expect(loop.remove_signal_handler("SIGUSR2")).toBeFalse();
  });

  test("one that cannot be handled answers false, with a notice", () => {
    expect(loop.add_signal_handler("SIGKILL", ignore)).toBeFalse();
    expect(notices.mock.calls.flat().join()).toMatch(/notice: add_signal_handler: .*SIGKILL/);
  });
});
