// What registrations promise, one rule at a time.
import type { IOLoopError } from "../src/errors.ts";
import { ERROR, INTEREST, READ, WRITE } from "../src/events.ts";
import { type Call, check, type FakeQueue, generationOf } from "./support-fake-queue.ts";

/** What the model knows of one fd. */
export interface Registration {
  mask: number;
  /** That of its records; 0 while it is paused, and has none. */
  generation: number;
  /** What the kernel was told last; 0: nothing, it does not watch. */
  told: number;
  /** The kernel has to be told again, whatever it knows; or it may be. */
  rearm: boolean | "maybe";
  /** Its number names the file that was registered. */
  intact: boolean;
  /** A ONESHOT that has had its shot. */
  spent: boolean;
}

/** Modes without interest are a pause as well. */
export function kernelMask(mask: number): number {
  return (mask & INTEREST) === 0 ? 0 : mask;
}

/** What a handler for `mask` hears of a record. */
export function deliverable(word: number, mask: number): number {
  if ((mask & INTEREST) === 0) return 0;
  const events = word & (mask | ERROR) & INTEREST;
  return (events & ERROR) === 0 ? events : events | (mask & (READ | WRITE));
}

export function names(calls: readonly Call[]): string {
  return calls.map((call) => call.name).join(" ");
}

export function checkAnswer(error: IOLoopError | undefined, outcome: number, what: string): void {
  const errno = outcome < 0 ? -outcome : undefined;
  check(error?.errno === errno, `${what}: the queue said ${outcome}, and it threw ${error}`);
}

/** The queue holds what is wanted, and what nobody can take out of it. */
export function checkQueue(
  { entries, table }: FakeQueue,
  model: ReadonlyMap<number, Registration>,
): void {
  for (const [fd, registration] of model) {
    const { told, generation, spent } = registration;
    const own = entries.filter((each) => each.fd === fd && generationOf(each.word) === generation);
    // The number was closed, and given back to an older file: which of the two told something cannot be known.
    if (own.length > 1) registration.intact = false;
    if (told === 0 || !registration.intact) continue;
    const file = table.get(fd);
    const entry = entries.find((each) => each.fd === fd && each.file === file);
    check(spent || entry !== undefined, `fd ${fd} is not watched`);
    if (entry === undefined) continue;
    check(entry.enabled === !spent, `fd ${fd} is armed: ${entry.enabled}`);
    check(generationOf(entry.word) === generation, `fd ${fd} is watched under another generation`);
    check((entry.word & 0xff) === told, `fd ${fd} is watched for ${entry.word & 0xff}`);
  }
  for (const { fd, word, orphaned } of entries) {
    const registration = model.get(fd);
    const own = registration?.generation === generationOf(word) && registration.told !== 0;
    check(own || orphaned, `fd ${fd} is watched for nobody`);
  }
}

/** Two batches with a ghost make the queue anew; without one it stays. */
export class Suspicion {
  /** Whether one was seen in this batch, and in one before: for certain, and perhaps. */
  #seen = { surely: false, maybe: false };
  #suspected = { surely: false, maybe: false };

  /** Not `surely`: its fd was changed in the batch, so that it may count as late. */
  sight(surely: boolean): void {
    this.#seen.maybe = true;
    this.#seen.surely ||= surely;
  }

  /** Holds a flush against that; `outcome` is what a reset answered, if there was one. Whether it was made. */
  expectReset(outcome: number | undefined): boolean {
    const [seen, suspected] = [this.#seen, this.#suspected];
    this.#seen = { surely: false, maybe: false };
    if (outcome === undefined) {
      check(!(seen.surely && suspected.surely), "a ghost that comes again is driven out");
      suspected.surely ||= seen.surely;
      suspected.maybe ||= seen.maybe;
      return false;
    }
    check(seen.maybe && suspected.maybe, "the queue was made anew without a ghost");
    // One that was refused is tried again at the next sighting.
    this.#suspected = { surely: outcome < 0, maybe: outcome < 0 };
    return outcome === 0;
  }
}
