export function cpuNs(): number;
export function wallNs(): number;
export function numbers(): number[];
export function report(figures: Readonly<Record<string, unknown>>): void;
export function peakRssBytes(): number;
export function randoms(): (below: number) => number;
export function measureRounds(ms: number, round: () => number): void;
export function driftMeter(
  periodMs: number,
  seconds: number,
): { readonly leastMs: number; note(elapsedMs: number, beats: number): void };
