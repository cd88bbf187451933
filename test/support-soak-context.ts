import { IOLoop } from "../src/index.ts";
import { pseudoRandom, type Random } from "./support-random.ts";

/** What was done, for the reader: each churn adds to its own. */
export interface Totals {
  connections: number;
  bytes: number;
  datagrams: number;
  timers: number;
  awaits: number;
  loops: number;
  workers: number;
  messages: number;
  wakes: number;
  signals: number;
  children: number;
  ghosts: number;
  errors: number;
}

/** One kind of load. What it opens in a lap it has closed when `lap` resolves. */
export interface Churn {
  readonly name: string;
  /** Makes what lasts longer than a lap. */
  open?(soak: Soak): void;
  /** Begins new things until `soak.over`, and resolves when the last of them has ended. */
  lap(soak: Soak): Promise<void>;
  /** Called now and then while no loop runs on the thread: for what owns it. */
  between?(soak: Soak): void;
  close?(soak: Soak): void;
}

/** Thrown on purpose: `onError` must hear of it once. */
export class Planned extends Error {
  heard = 0;
  /** Whether `onError` throws it again, so that it leaves the run. */
  readonly escapes: boolean;

  constructor(escapes = false) {
    super("thrown on purpose");
    this.escapes = escapes;
  }
}

const PATIENCE_MS = 20_000;
const LOSSES_SHOWN = 10;

/** What all churns share: the loop that lasts, chance, and the book of what was done and what was lost. */
export class Soak {
  readonly totals: Totals;
  readonly pick: Random;
  /** Whether the present lap begins nothing new. */
  over = false;
  losses = 0;
  /** Never aborted, and given to many waits: what they leave behind gathers there. */
  readonly lasting: AbortSignal = new AbortController().signal;
  readonly #print: (line: string) => void;
  readonly #waiting = new Map<string, number>();
  #loop: IOLoop | undefined;

  constructor(seed: number, print: (line: string) => void) {
    this.pick = pseudoRandom(seed);
    this.#print = print;
    this.totals = {
      connections: 0,
      bytes: 0,
      datagrams: 0,
      timers: 0,
      awaits: 0,
      loops: 0,
      workers: 0,
      messages: 0,
      wakes: 0,
      signals: 0,
      children: 0,
      ghosts: 0,
      errors: 0,
    };
  }

  /** The loop that lasts for many laps. */
  get loop(): IOLoop {
    if (this.#loop === undefined) throw new Error("the soak is not open");
    return this.#loop;
  }

  open(): void {
    this.#loop = new IOLoop({
      onError: (error, { source, fd, ref }) => {
        if (error instanceof Planned) {
          error.heard++;
          if (error.escapes) throw error;
          return;
        }
        this.lose(`${source} ${fd ?? ref ?? ""} threw: ${show(error)}`);
      },
    });
  }

  close(): void {
    this.#loop?.close();
    this.#loop = undefined;
  }

  chance(of: number): boolean {
    return this.pick(of) === 0;
  }

  /** Something that was promised did not come true. */
  lose(what: string): void {
    if (this.losses++ < LOSSES_SHOWN) this.#print(`lost: ${what}`);
  }

  check(holds: boolean, what: () => string): void {
    if (!holds) this.lose(what());
  }

  /** Resolves, in either kind of run, once `done()` holds; when it never does, that is a loss. */
  async until(done: () => boolean, what: () => string): Promise<void> {
    for (const limit = performance.now() + PATIENCE_MS; !done(); ) {
      if (performance.now() > limit) {
        this.lose(`${what()}, after ${PATIENCE_MS / 1000} s`);
        return;
      }
      await this.loop.sleep(1);
    }
  }

  /** Waits for `promise`, and says what is waited for where a lap does not end. */
  async expect<T>(promise: Promise<T>, what: string): Promise<T> {
    this.#waiting.set(what, (this.#waiting.get(what) ?? 0) + 1);
    const settled = await promise;
    this.#waiting.set(what, (this.#waiting.get(what) ?? 0) - 1);
    return settled;
  }

  get waitingFor(): string {
    const waiting = [...this.#waiting].filter(([, times]) => times > 0);
    return waiting.map(([what, times]) => `${what} (${times})`).join(", ");
  }
}

/** A turn of Bun's loop, where alone another loop can be hosted: it does not come while one owns the thread. */
export function turnOfBun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function show(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
