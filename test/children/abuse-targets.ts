// Every public function and method, found in the modules themselves, and how some of them need care.
import * as index from "../../src/index.ts";
import * as io from "../../src/io.ts";
import * as turbo from "../../src/turbo.ts";
import type { Arena } from "./abuse-arena.ts";

export interface Target {
  /** Such as "loop.addHandler" or "io.read". */
  readonly name: string;
  invoke(
    arena: Arena,
    args: readonly unknown[],
    stranger?: { readonly receiver: unknown },
  ): unknown;
}

/** What each argument should be: names of abuse-values.ts. Those that are not listed get any value. */
export const SHAPES: Readonly<Record<string, readonly string[]>> = {
  "index.wake": ["id"],
  "index.IOLoop": ["settings"],
  "index.IOLoopError": ["any", "any", "details"],
  "loop.addHandler": ["carrier", "events", "callback", "any"],
  "loop.updateHandler": ["carrier", "events"],
  "loop.removeHandler": ["carrier"],
  "loop.addCallback": ["callback", "any"],
  "loop.addTimeout": ["timestamp", "callback", "any"],
  "loop.callLater": ["few", "callback", "any"],
  "loop.callAt": ["soon", "callback", "any"],
  "loop.removeTimeout": ["ref"],
  "loop.setInterval": ["few", "callback", "any"],
  "loop.clearInterval": ["ref"],
  "loop.metrics": ["any"],
  "loop.runOnce": ["few"],
  "loop.runUntil": ["work", "waiting"],
  "loop.readable": ["carrier", "waiting"],
  "loop.writable": ["carrier", "waiting"],
  "loop.sleep": ["few", "waiting"],
  "loop.events": ["carrier", "events", "waiting"],
  "loop.addSignalHandler": ["signo", "callback", "any"],
  "loop.removeSignalHandler": ["signo"],
  "loop.addChildHandler": ["pid", "callback", "any"],
  "loop.removeChildHandler": ["pid"],
  "loop.waker": ["callback"],
  "loop.addPort": ["messages", "callback"],
  "loop.removePort": ["messages"],
  "stream.reject": ["hostile"],
  "io.listen": ["endpoint"],
  "io.connect": ["endpoint"],
  "io.accept": ["fd"],
  "io.read": ["fd", "buffer", "place", "place"],
  "io.write": ["fd", "buffer", "place", "place"],
  "io.receive": ["fd", "buffer", "sender"],
  "io.send": ["fd", "buffer", "endpoint"],
  "io.socketpair": ["type"],
  "io.close": ["fd"],
  "io.shutdown": ["fd", "direction"],
  "io.setNonBlocking": ["fd", "any"],
  "io.localPort": ["fd"],
  "io.socketError": ["fd"],
  "turbo.add_handler": ["carrier", "events", "callback", "any"],
  "turbo.update_handler": ["carrier", "events"],
  "turbo.remove_handler": ["carrier"],
  "turbo.add_callback": ["callback", "any"],
  "turbo.add_timeout": ["timestamp", "callback", "any"],
  "turbo.remove_timeout": ["ref"],
  "turbo.set_interval": ["few", "callback", "any"],
  "turbo.clear_interval": ["ref"],
  "turbo.add_signal_handler": ["signo", "callback", "any"],
  "turbo.remove_signal_handler": ["signo"],
};

interface Care {
  /** Before the call. */
  readonly before?: (arena: Arena) => void;
  /** After a call that returned. */
  readonly after?: (arena: Arena, result: unknown, args: readonly unknown[]) => void;
}

const lengthOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "length",
)?.get;

const bounded: Care = { before: (arena) => arena.bound() };
/** What was read or written must have lain within the memory, whatever length the object tells. */
const moving: Care = {
  after: (_arena, bytes, [, buffer]) => {
    if ((bytes as number) > (lengthOf?.call(buffer) as number))
      throw new Error("beyond the memory");
  },
};
const timing: Care = { after: (arena, ref) => arena.refs.push(ref) };
const closing: Care = { after: (_arena, loop) => (loop as index.IOLoop).close() };
const opening: Care = { after: (arena, fd) => arena.adopt(fd) };
const openingTwo: Care = {
  after: (arena, fds) => {
    for (const fd of fds as readonly number[]) arena.adopt(fd);
  },
};

/** What blocks, opens, closes, or would leave an fd in a state in which the next call blocks. */
export const CARE: Readonly<Record<string, Care>> = {
  "loop.start": bounded,
  "loop.run": bounded,
  "loop.runOnce": bounded,
  "loop.runUntil": bounded,
  "turbo.start": bounded,
  "io.read": moving,
  "io.write": moving,
  "io.send": moving,
  "loop.addTimeout": timing,
  "loop.callLater": timing,
  "loop.setInterval": timing,
  "index.IOLoop": closing,
  "turbo.TurboIOLoop": closing,
  "turbo.ioloop.IOLoop": closing,
  "io.listen": opening,
  "io.connect": opening,
  "io.accept": opening,
  "io.socketpair": openingTwo,
  "io.pipe": openingTwo,
  "io.close": { after: (arena, _result, [fd]) => arena.forget(fd) },
  "io.setNonBlocking": { after: (_arena, _result, [fd]) => io.setNonBlocking(fd as number) },
};

/** Own methods and accessors of `holder`, and those that it inherits from anything but Object. */
function membersOf(
  prefix: string,
  holder: object,
  receiverOf: (arena: Arena) => unknown,
): Target[] {
  const targets = new Map<PropertyKey, Target>();
  let place: object | null = holder;
  for (; place !== null && place !== Object.prototype; place = Object.getPrototypeOf(place)) {
    for (const key of Reflect.ownKeys(place)) {
      if (key === "constructor" || targets.has(key)) continue;
      const { value, get } = Object.getOwnPropertyDescriptor(place, key) as PropertyDescriptor;
      const method: unknown = get ?? value;
      if (typeof method !== "function") continue;
      targets.set(key, {
        name: `${prefix}.${String(key)}`,
        invoke: (arena, args, stranger) =>
          Reflect.apply(
            method,
            stranger === undefined ? receiverOf(arena) : stranger.receiver,
            args,
          ),
      });
    }
  }
  return [...targets.values()];
}

/** The functions and classes of a module, or of an object that it exports. */
function exportsOf(prefix: string, holder: object): Target[] {
  return Object.entries(holder).flatMap(([key, value]: [string, unknown]): Target[] => {
    const name = `${prefix}.${key}`;
    if (typeof value === "object" && value !== null) return exportsOf(name, value);
    if (typeof value !== "function") return [];
    if (!Function.prototype.toString.call(value).startsWith("class")) {
      return [{ name, invoke: (_arena, args) => Reflect.apply(value, undefined, args) }];
    }
    const { length, name: _name, prototype, ...statics } = Object.getOwnPropertyDescriptors(value);
    return [
      { name, invoke: (_arena, args) => Reflect.construct(value, args) },
      { name: `${name}()`, invoke: (_arena, args) => Reflect.apply(value, undefined, args) },
      ...membersOf(name, Object.create(null, statics), () => value),
    ];
  });
}

/** All of them. */
export function targetsOf({ stream, waker }: Arena): readonly Target[] {
  return [
    ...exportsOf("index", index),
    ...exportsOf("io", io),
    ...exportsOf("turbo", turbo),
    ...membersOf("loop", index.IOLoop.prototype, (arena) =>
      arena.random(4) === 0 ? arena.other : arena.loop,
    ),
    ...membersOf("turbo", turbo.TurboIOLoop.prototype, (arena) => arena.turbo),
    ...membersOf("stream", stream, (arena) => arena.stream),
    ...membersOf("waker", waker, (arena) => arena.waker),
  ];
}
