/** A whole number below a limit of up to 2 ** 32. */
export type Random = (below: number) => number;

/**
 * The same numbers for the same seed, so that a failure can be repeated. SplitMix (Steele, Lea and Flood, 2014) with
 * 32 bits of state, which it mixes by constants of Wellons's hash-prospector: every bit is as random as any other.
 */
export function pseudoRandom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below;
  };
}
