/** Seeds are below this. */
const SEEDS = 0x7fffffff;

/** The seed of this run: BUN_IOLOOP_SEED, or another one each time. */
export function seedOfRun(): number {
  return numberFromEnvironment("BUN_IOLOOP_SEED") ?? Math.floor(Math.random() * SEEDS);
}

/** The seed and how it is used again, for what a run prints. */
export function seedNote(seed: number): string {
  return `seed ${seed} (BUN_IOLOOP_SEED=${seed} repeats them)`;
}

/** A number that the environment gives; undefined where it says nothing. */
export function numberFromEnvironment(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new RangeError(`${name} must be a number, not ${text}`);
  return value;
}
