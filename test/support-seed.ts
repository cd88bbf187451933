/** The seed of this run: BUN_IOLOOP_SEED, or another one each time. */
export function seedOfRun(): number {
  return Number(process.env["BUN_IOLOOP_SEED"] || Math.floor(Math.random() * 0x7fffffff));
}
