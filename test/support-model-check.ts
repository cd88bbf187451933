/** Fails the test with what the model expected. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** How often the sequences came to what is worth testing. */
export class Tally {
  readonly counts = new Map<string, number>();

  note(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  /** Fails where they have not come to one of `outcomes`; `enough` sequences come to all for sure. */
  judge(outcomes: readonly string[], runs: number, enough: number): void {
    if (runs < enough) {
      console.log(`  what they came to is not judged: ${runs} are fewer than ${enough}`);
      return;
    }
    const missed = outcomes.filter((what) => (this.counts.get(what) ?? 0) === 0);
    check(missed.length === 0, `the sequences never came to: ${missed.join(", ")}`);
  }
}
