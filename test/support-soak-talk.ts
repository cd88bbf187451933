import { IOLoopError } from "../src/index.ts";
import * as io from "../src/io.ts";
import { pseudoRandom } from "./support-random.ts";
import type { Soak } from "./support-soak-context.ts";

/**
 * What is sent: a piece of bytes that repeat nowhere soon, so that what is lost, doubled or out of order shows. The
 * first byte of a piece tells the server whether it shall break off, and where.
 */
const PATTERN = makePattern(1 << 20);
const SHORT_MOST = 600;
const LONG_MOST = 200_000;
const LONG_EVERY = 100;
const CHUNK = 16_384;

/** How a client ends: it says that it has sent everything, at once or when that has come back; or it closes anywhere. */
const ENDINGS = ["finish", "finish late", "leave"] as const;

/** What a socket says whose peer has closed or reset the connection. EPROTOTYPE is macOS's, in the midst of that. */
const GONE = ["EPIPE", "ECONNRESET", "ENOTCONN", "EPROTOTYPE"];

/** Bytes of every talk of this thread pass through here: nobody keeps them between two calls. */
const chunk = new Uint8Array(CHUNK);

/** After how many bytes the server breaks off where the first is `first`; undefined: it echoes to the end. */
function breakOf(first: number): number | undefined {
  return first % 8 === 0 ? 1 + first * 3 : undefined;
}

/** Any piece of the pattern. */
export function piece(soak: Soak): Uint8Array {
  const most = soak.chance(LONG_EVERY) ? LONG_MOST : SHORT_MOST;
  const length = 1 + soak.pick(most);
  const start = soak.pick(PATTERN.length - length);
  return PATTERN.subarray(start, start + length);
}

/** A client's side of a connection to an echo: what it has sent comes back, in order and once. */
export class Talk {
  readonly #soak: Soak;
  readonly #fd: number;
  readonly #bytes: Uint8Array;
  readonly #ending: (typeof ENDINGS)[number];
  /** After how many bytes of the echo it leaves. */
  readonly #leaveAt: number;
  #sent = 0;
  #received = 0;
  #finished = false;
  over = false;

  constructor(soak: Soak, fd: number) {
    this.#soak = soak;
    this.#fd = fd;
    this.#bytes = piece(soak);
    this.#ending = ENDINGS[soak.pick(ENDINGS.length)] ?? "finish";
    this.#leaveAt = this.#ending === "leave" ? soak.pick(this.#bytes.length) : Number.NaN;
  }

  /** Whether there is something to send that did not fit. */
  get wantsWrite(): boolean {
    return !this.over && this.#sent < this.#bytes.length;
  }

  /** Reads and sends as much as can be. */
  go(): void {
    try {
      this.#push();
      this.#pull();
    } catch (error) {
      this.#fail(error);
    }
  }

  #push(): void {
    while (this.wantsWrite) {
      const count = io.write(this.#fd, this.#bytes, this.#sent);
      if (count === io.WOULD_BLOCK) return;
      this.#sent += count;
    }
    if (this.#ending === "finish") this.#finish();
  }

  #finish(): void {
    if (this.over || this.#finished) return;
    this.#finished = true;
    io.shutdown(this.#fd, "write");
  }

  #pull(): void {
    while (!this.over) {
      const count = io.read(this.#fd, chunk);
      if (count === io.WOULD_BLOCK) return;
      if (count === 0) this.#end();
      const expected = this.#bytes.subarray(this.#received, this.#received + count);
      this.#received += count;
      this.#soak.totals.bytes += count;
      if (Buffer.compare(expected, chunk.subarray(0, count)) !== 0) {
        this.#soak.lose(`an echo differs within ${count} bytes before byte ${this.#received}`);
        this.over = true;
      }
      if (this.#received >= this.#leaveAt) this.over = true;
      const late = this.#ending === "finish late" && this.#received === this.#bytes.length;
      if (late) this.#finish();
    }
  }

  /** The server has closed: it must have sent everything back before, unless it was to break off. */
  #end(): void {
    this.over = true;
    const { length } = this.#bytes;
    const breaks = breakOf(this.#bytes[0] as number);
    if (this.#received === length || breaks !== undefined) return;
    this.#soak.lose(`${this.#received} of ${length} bytes came back (${this.#sent} sent)`);
  }

  #fail(error: unknown): void {
    const breaks = breakOf(this.#bytes[0] as number) !== undefined;
    if (!breaks || !isGone(error)) {
      this.#soak.lose(`a talk of ${this.#bytes.length} bytes failed: ${error}`);
    }
    // What the server has sent before may be there to read, but it need not.
    this.over = true;
  }
}

/** The server's side: sends back what comes, and breaks off where the first byte says so. */
export class Echo {
  readonly #fd: number;
  #held: Uint8Array | undefined;
  #count = 0;
  #breakAt: number | undefined;
  over = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Whether it has to send before it can read on. */
  get wantsWrite(): boolean {
    return this.#held !== undefined;
  }

  go(): void {
    try {
      while (!this.over && this.#flush() && this.#take());
    } catch (error) {
      // The client may leave at any time.
      if (!isGone(error)) throw error;
      this.over = true;
    }
  }

  /** Whether everything that was held is sent. */
  #flush(): boolean {
    while (this.#held !== undefined) {
      const count = io.write(this.#fd, this.#held);
      if (count === io.WOULD_BLOCK) return false;
      this.#held = count < this.#held.length ? this.#held.subarray(count) : undefined;
    }
    return true;
  }

  /** Reads once, and sends that back; whether there may be more. */
  #take(): boolean {
    const count = io.read(this.#fd, chunk);
    if (count === io.WOULD_BLOCK) return false;
    if (count === 0) {
      this.over = true;
      return false;
    }
    if (this.#count === 0) this.#breakAt = breakOf(chunk[0] as number);
    this.#count += count;
    if (this.#breakAt !== undefined && this.#count >= this.#breakAt) {
      this.over = true;
      return false;
    }
    const sent = Math.max(io.write(this.#fd, chunk, 0, count), 0);
    if (sent < count) this.#held = chunk.slice(sent, count);
    return true;
  }
}

export function isGone(error: unknown): boolean {
  return error instanceof IOLoopError && GONE.includes(error.code);
}

function makePattern(length: number): Uint8Array {
  const random = pseudoRandom(1);
  const words = new Uint32Array(length / Uint32Array.BYTES_PER_ELEMENT);
  for (let at = 0; at < words.length; at++) words[at] = random(2 ** 32);
  return new Uint8Array(words.buffer);
}
