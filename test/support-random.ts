/** Whole numbers below a limit of up to 2 ** 32, the same in every run, so that a failure can be repeated. */
export function pseudoRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}
