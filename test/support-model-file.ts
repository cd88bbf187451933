import { ERROR, IOLoopError, ONESHOT, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { hearsHangUp, kqueue } from "./support-backend.ts";
import { FAILED, HUNG_UP } from "./support-events.ts";

/** A socket, or one end of a pipe. */
export const FILE_KINDS = ["socket", "reader", "writer"] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** More than any of them holds. */
const CHUNK = new Uint8Array(262_144);
const SINK = new Uint8Array(262_144);

/**
 * Loops watch `near`, and the state of the two ends says what it is ready for. What is done to it tells for which
 * events that is news, 0 for none.
 */
export class ModelFile {
  readonly kind: FileKind;
  readonly near: number;
  readonly far: number;
  farOpen = true;
  unread = false;
  full = false;

  constructor(kind: FileKind) {
    this.kind = kind;
    const [first, second] = kind === "socket" ? io.socketpair() : io.pipe();
    [this.near, this.far] = kind === "writer" ? [second, first] : [first, second];
  }

  /** What there is to tell to a handler for `mask`, and other things of those that it did not ask for. */
  readyFor(mask: number): number {
    const reads = this.kind !== "writer" && (this.unread || !this.farOpen) ? READ : 0;
    const writes = this.kind !== "reader" && (!this.full || !this.farOpen) ? WRITE : 0;
    return reads | writes | (this.farOpen ? 0 : this.#end(mask));
  }

  /** Whether an error may come with the hang-up: the far end of a socket may have left something unread. */
  get mayFail(): boolean {
    return this.kind === "socket" && !this.farOpen;
  }

  /** The part of `mask` that means the same everywhere: of a pipe, kqueue's filters for the other direction do not. */
  fitting(mask: number): number {
    if (!kqueue || this.kind === "socket") return mask;
    const own = this.kind === "reader" ? READ : WRITE;
    return (mask & own) === 0 ? 0 : mask & (own | ONESHOT);
  }

  write(): number {
    if (!this.farOpen || this.kind === "writer") return 0;
    if (io.write(this.far, CHUNK, 0, 3) <= 0) return 0;
    this.unread = true;
    return READ;
  }

  drain(): void {
    if (this.kind === "writer") return;
    try {
      while (io.read(this.near, SINK) > 0);
    } catch (error) {
      // The far end left without reading.
      if (!(error instanceof IOLoopError) || error.code !== "ECONNRESET") throw error;
    }
    this.unread = false;
  }

  fill(): void {
    if (!this.farOpen || this.kind === "reader") return;
    while (io.write(this.near, CHUNK) > 0);
    this.full = true;
  }

  empty(): number {
    if (!this.farOpen || !this.full) return 0;
    while (io.read(this.far, SINK) > 0);
    this.full = false;
    return WRITE;
  }

  closeFar(): number {
    if (!this.farOpen) return 0;
    // Some kqueues tell of the end of a pipe only after its last byte.
    if (kqueue && this.kind === "reader") this.drain();
    this.farOpen = false;
    io.close(this.far);
    return ERROR;
  }

  close(): void {
    if (this.farOpen) io.close(this.far);
    this.farOpen = false;
    io.close(this.near);
  }

  #end(mask: number): number {
    if (this.kind === "writer") return FAILED;
    return this.kind === "reader" || hearsHangUp(mask) ? HUNG_UP : 0;
  }
}
