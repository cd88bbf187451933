import { expect, test } from "bun:test";
import fc from "fast-check";
import { EDGE, ERROR, IOLoop, IOLoopError, ONESHOT, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { drain, Fds, fail, poke } from "./support.ts";
import { kqueue } from "./support-backend.ts";
import { PASSES } from "./support-ghosts.ts";
import { dup2, fdLimit } from "./support-libc.ts";
import { Tally } from "./support-model-check.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";

/** How many sequences come to a ghost for sure. */
const ENOUGH = 150;

const FILES = 2;
const NUMBERS = 2;
/** Far from what this process opens by itself. */
const FIRST_NUMBER = Math.min(fdLimit(), 4096) - NUMBERS;

const MASKS = [READ, WRITE, READ | WRITE, READ | EDGE, READ | ONESHOT, ERROR, 0];

interface Operation {
  readonly kind: "open" | "close" | "add" | "remove" | "update" | "poke" | "drain" | "pass";
  readonly number: number;
  readonly file: number;
  readonly mask: number;
  readonly where: "outside" | "in a callback" | "in a handler";
}

const index = (below: number): fc.Arbitrary<number> => fc.nat(below - 1);
const operations = fc.array(
  fc.record<Operation>({
    kind: fc.constantFrom("open", "close", "add", "remove", "update", "poke", "drain", "pass"),
    number: index(NUMBERS),
    file: index(FILES),
    mask: fc.constantFrom(...MASKS),
    where: fc.constantFrom("outside", "in a callback", "in a handler"),
  }),
  { minLength: 20, maxLength: 100 },
);

/** A loop whose fds are closed, dup'ed over and put back under its handlers, while all of their files live on. */
class Haunted implements Disposable {
  readonly #fds = new Fds();
  readonly #files = Array.from({ length: FILES }, () => this.#fds.pair());
  readonly #open = new Map<number, number>();
  /** The handlers' masks; undefined where the number has named another file since, until an update. */
  readonly #masks = new Map<number, number | undefined>();
  readonly #inHandlers: (() => void)[] = [];
  readonly #heard = new Set<number>();
  readonly #loop = new IOLoop({
    onError: (error, { source, fd }) => {
      // Nothing but an update of a closed number may be refused.
      if (source !== "update" || this.#open.has(fd)) throw error;
      this.#masks.delete(fd);
    },
  });

  do({ where, ...operation }: Operation): void {
    const act = (): void => this.#do(operation);
    if (operation.kind === "pass") this.#loop.runOnce(0);
    else if (where === "outside") act();
    else if (where === "in a callback") this.#loop.addCallback(act);
    else this.#inHandlers.push(act);
  }

  /** Fails where a ghost goes on, or a handler whose number was left alone does not hear. */
  expectPeace(): void {
    this.#inHandlers.length = 0;
    this.#pass();
    for (const [fd, mask] of this.#masks) {
      if (mask === undefined || !this.#open.has(fd)) this.#remove(fd);
    }
    this.#stir();
    this.#stir();
    const { dropped } = this.#loop.metrics();
    for (const [fd, mask] of this.#masks) this.#loop.updateHandler(fd, mask ?? 0);
    this.#heard.clear();
    this.#stir();
    expect(this.#loop.metrics().dropped).toBe(dropped);
    const readers = [...this.#masks].filter(([, mask = 0]) => (mask & (READ | WRITE)) !== 0);
    expect([...this.#heard].toSorted()).toEqual(readers.map(([fd]) => fd).toSorted());
  }

  /** Records that were told to nobody, which are the ghosts'. */
  get dropped(): number {
    return this.#loop.metrics().dropped;
  }

  [Symbol.dispose](): void {
    this.#loop.close();
    for (const fd of this.#open.keys()) io.close(fd);
    this.#fds[Symbol.dispose]();
  }

  #do({ kind, number, file, mask }: Omit<Operation, "where">): void {
    const fd = FIRST_NUMBER + number;
    const [near = -1, far = -1] = this.#files[file] ?? [];
    if (kind === "open") {
      dup2(near, fd);
      this.#open.set(fd, file);
      this.#disturb(fd);
    } else if (kind === "close" && this.#open.delete(fd)) {
      io.close(fd);
      this.#disturb(fd);
    } else if (kind === "add" && !this.#masks.has(fd)) this.#add(fd, mask);
    else if (kind === "remove" && this.#masks.has(fd)) this.#remove(fd);
    else if (kind === "update" && this.#masks.has(fd)) this.#update(fd, mask);
    else if (kind === "poke") poke(far);
    else if (kind === "drain") drain(near);
  }

  #add(fd: number, mask: number): void {
    const attempt = (): boolean => this.#loop.addHandler(fd, mask, () => this.#hear(fd));
    if (this.#open.has(fd)) this.#masks.set(fd, attempt() ? mask : undefined);
    else expect(attempt).toThrow(IOLoopError);
  }

  #update(fd: number, mask: number): void {
    try {
      this.#loop.updateHandler(fd, mask);
    } catch (error) {
      if (this.#open.has(fd)) throw error;
      return;
    }
    // The same mask costs no system call, and with no mask the number is not looked at.
    const known = this.#masks.get(fd);
    const anew = mask !== known && known !== undefined;
    if (!anew && (mask & (EDGE | ONESHOT)) === 0) return;
    this.#masks.set(fd, this.#open.has(fd) ? mask : undefined);
  }

  #remove(fd: number): void {
    this.#masks.delete(fd);
    this.#loop.removeHandler(fd);
  }

  #disturb(fd: number): void {
    if (this.#masks.has(fd)) this.#masks.set(fd, undefined);
  }

  #hear(fd: number): void {
    if (!this.#masks.has(fd)) fail(`the removed handler of ${fd} was called`);
    this.#heard.add(fd);
    this.#inHandlers.pop()?.();
  }

  /** Makes every file readable anew. */
  #stir(): void {
    for (const [near] of this.#files) drain(near);
    for (const [, far] of this.#files) poke(far);
    this.#pass();
  }

  #pass(): void {
    for (let pass = 0; pass < PASSES; pass++) this.#loop.runOnce(0);
  }
}

if (kqueue) console.warn("files that outlive their numbers are epoll's: kqueue forgets them");

test.skipIf(kqueue)(
  "whatever files outlive their numbers, and take them back, ghosts end and handlers hear",
  async () => {
    const tally = new Tally();
    const property = fc.property(operations, (script) => {
      using haunted = new Haunted();
      for (const operation of script) haunted.do(operation);
      haunted.expectPeace();
      tally.note("ghosts", haunted.dropped);
    });
    const runs = await holds("ghosts", property, { runs: 200 });
    tally.judge(["ghosts"], runs, ENOUGH);
  },
  PROPERTY_LIMIT_MS,
);
