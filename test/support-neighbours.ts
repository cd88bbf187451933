import { expect } from "bun:test";
import { EDGE, type IOLoop, ONESHOT, READ, type Waker, WRITE } from "../src/index.ts";
import { drain, type Fds, fill, poke, testLoop } from "./support.ts";
import { watch } from "./support-watch.ts";

/** What a handler for READ was sent, in pieces that are all different. */
interface Reader {
  readonly peer: number;
  /** How many pieces the others had been sent before. */
  readonly missed: number;
  text: string;
}

/** By then a ghost has come and gone. */
const TIMER_MS = 50;

/**
 * Live handlers of every mode, a waker, a nested loop and a timer, with something to do for all but the last whenever it
 * is asked for: a timer would wake the loop for the others. Dispose of it with `using`.
 */
export class Neighbours implements Disposable {
  readonly #loop: IOLoop;
  readonly #fds: Fds;
  readonly #inner = testLoop();
  readonly #readers = new Map<string, Reader>();
  readonly #room: { readonly reader: number; calls: number };
  readonly #waker: Waker;
  readonly #fired: { readonly fd: number; readonly seen: number[] };
  readonly #paused: { readonly fd: number; readonly peer: number; readonly seen: number[] };
  #sent = 0;
  #timers = 0;
  #wakes = 0;

  /** Only where `loop` can make a pass of its own. */
  constructor(loop: IOLoop, fds: Fds) {
    this.#loop = loop;
    this.#fds = fds;
    this.#room = this.#addWriter();
    this.#waker = loop.waker(() => this.#wakes++);
    loop.callLater(TIMER_MS, () => this.#timers++);
    this.#addReader("level", READ);
    this.#addReader("EDGE", READ | EDGE);
    this.#addReader("ONESHOT", READ | ONESHOT);
    this.#addArg();
    this.#addNested();

    const [fired] = fds.pair();
    this.#fired = { fd: fired, seen: watch(loop, fired, WRITE | ONESHOT) };
    const [paused, peer] = fds.pair();
    this.#paused = { fd: paused, peer, seen: watch(loop, paused, READ) };
    loop.updateHandler(paused, 0);
    loop.runOnce(0);
  }

  /** Adds a level handler of the loop for `fd`, which hears what is sent to `peer`. */
  adopt(name: string, fd: number, peer: number): void {
    const reader = this.#reader(name, peer);
    this.#loop.addHandler(fd, READ, () => {
      reader.text += drain(fd);
    });
  }

  /** Sends the next piece once all have heard the last one; true when they have heard the `count`-th. */
  advance(count: number): boolean {
    if (!this.#allHeard()) return false;
    if (this.#sent >= count) return true;
    this.#sent++;
    for (const { peer } of this.#readers.values()) poke(peer, `${this.#sent},`);
    poke(this.#paused.peer);
    drain(this.#room.reader);
    this.#waker.wake();
    return false;
  }

  /** Fails unless each has heard everything once, and what is silent was silent and still can speak. */
  expectWhole(): void {
    const pieces = Array.from({ length: this.#sent }, (_, index) => `${index + 1},`);
    for (const [name, { missed, text }] of this.#readers) {
      expect([name, text]).toEqual([name, pieces.slice(missed).join("")]);
    }
    expect({ room: this.#room.calls, timers: this.#timers, wakes: this.#wakes }).toEqual({
      room: this.#sent,
      timers: 1,
      wakes: this.#sent,
    });
    const { fired: one, paused } = { fired: this.#fired, paused: this.#paused };
    expect([one.seen, paused.seen]).toEqual([[WRITE], []]);
    this.#loop.updateHandler(one.fd, WRITE | ONESHOT);
    this.#loop.updateHandler(paused.fd, READ);
    this.#loop.runOnce(0);
    expect([one.seen, paused.seen]).toEqual([[WRITE, WRITE], [READ]]);
  }

  [Symbol.dispose](): void {
    this.#inner.close();
  }

  #allHeard(): boolean {
    const counts = [this.#room.calls, this.#wakes];
    for (const { missed, text } of this.#readers.values()) {
      counts.push(missed + text.split(",").length - 1);
    }
    return counts.every((count) => count >= this.#sent);
  }

  #reader(name: string, peer: number): Reader {
    const reader = { peer, missed: this.#sent, text: "" };
    this.#readers.set(name, reader);
    return reader;
  }

  #addReader(name: string, mask: number): void {
    const [a, b] = this.#fds.pair();
    const reader = this.#reader(name, b);
    this.#loop.addHandler(a, mask, () => {
      reader.text += drain(a);
      if ((mask & ONESHOT) !== 0) this.#loop.updateHandler(a, mask);
    });
  }

  #addArg(): void {
    const [a, b] = this.#fds.pair();
    const reader = this.#reader("with an arg", b);
    const hear = (arg: Reader, fd: number): void => {
      arg.text += drain(fd);
    };
    this.#loop.addHandler(a, READ, hear, reader);
  }

  #addNested(): void {
    const [a, b] = this.#fds.pair();
    const reader = this.#reader("nested", b);
    this.#inner.addHandler(a, READ, () => {
      reader.text += drain(a);
    });
    this.#loop.addHandler(this.#inner, READ, () => this.#inner.runOnce(0));
  }

  /** One whose fd is full, until it is drained. */
  #addWriter(): { readonly reader: number; calls: number } {
    const [reader, writer] = this.#fds.pipe();
    fill(writer);
    const room = { reader, calls: 0 };
    this.#loop.addHandler(writer, WRITE, () => {
      room.calls++;
      fill(writer);
    });
    return room;
  }
}
