import { expect } from "bun:test";
import { constants } from "node:os";
import { runChild } from "./support-child.ts";
import type { Outcome } from "./support-faults.ts";

/** What a child prints: one outcome, or why there is none. */
interface Line {
  readonly name: string;
  readonly outcome: Outcome;
  readonly unavailable?: string;
}

/** How the scenarios of a child went. */
export class Played {
  /** Why there was none; undefined where they ran. */
  readonly reason: string | undefined;
  readonly #outcomes: ReadonlyMap<string, Outcome>;
  readonly #end: string;

  private constructor(reason: string | undefined, outcomes: Map<string, Outcome>, end: string) {
    this.reason = reason;
    this.#outcomes = outcomes;
    this.#end = end;
  }

  /** Runs `test/children/<program>`, unless there is a reason not to, which is printed, as is one that it finds. */
  static async by(program: string, whyNot: string | undefined): Promise<Played> {
    const outcomes = new Map<string, Outcome>();
    let reason = whyNot;
    let end = "";
    if (reason === undefined) {
      const env = { BUN_IOLOOP_TIMEOUT: "ns", BUN_IOLOOP_WATCH: "kernel" };
      const { stdout, stderr, code } = await runChild(program, { env });
      for (const line of stdout.split("\n").filter((text) => text.startsWith("{"))) {
        const { unavailable, name, outcome } = JSON.parse(line) as Line;
        if (unavailable === undefined) outcomes.set(name, outcome);
        else reason = unavailable;
      }
      const last = [...outcomes.keys()].at(-1) ?? "the first one";
      end = `${program} ended with ${code} after "${last}": ${stderr}`;
    }
    if (reason !== undefined) console.warn(`no faults are injected by ${program}: ${reason}`);
    return new Played(reason, outcomes, end);
  }

  /** The outcome of one scenario, if it came so far. */
  find(name: string): Outcome | undefined {
    return this.#outcomes.get(name);
  }

  /** The outcome of one scenario; throws where the child did not come to its end. */
  of(name: string): Outcome {
    const outcome = this.#outcomes.get(name);
    if (outcome === undefined) throw new Error(`no outcome of "${name}": ${this.#end}`);
    return outcome;
  }
}

interface ToldError {
  readonly code: string;
  readonly syscall: string;
  readonly fd?: unknown;
  /** What to do about it. */
  readonly advice: RegExp;
}

/** A described error names all that it must, and says what to do. */
export function expectError(error: unknown, { code, syscall, fd, advice }: ToldError): void {
  const { errno } = constants;
  const number = errno[code as keyof typeof errno];
  expect(error).toEqual({
    code,
    errno: number,
    syscall,
    ...(fd === undefined ? {} : { fd }),
    message: expect.stringMatching(advice),
  });
  const about = fd === undefined ? "" : String.raw`( for fd \d+)`;
  expect(error).toHaveProperty(
    "message",
    expect.stringMatching(
      new RegExp(`^${syscall} failed${about}.* with ${code} \\(errno ${number}\\): `),
    ),
  );
}
