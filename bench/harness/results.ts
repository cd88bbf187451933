/** What a run of the benchmarks leaves behind, as `bench/results.json` has it. */
export interface Results {
  /** The shape's own number: files of another one are not compared. */
  readonly version: 1;
  /** When the run began, ISO 8601. */
  readonly date: string;
  /** Fewer and shorter rounds: to see that it works, or that nothing has broken. */
  readonly quick: boolean;
  readonly machine: Machine;
  readonly workloads: readonly Workload[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  /** By name of the peer, what answered when it was asked for its version. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface Workload {
  readonly name: string;
  /** What is done, in one or two sentences. */
  readonly what: string;
  readonly missing: readonly Missing[];
  readonly measures: readonly Measure[];
  /** Where there were any: of how many rounds, in how many the host gave the processors to other machines. */
  readonly disturbed?: { readonly rounds: number; readonly of: number };
  readonly goals: readonly Outcome[];
}

/** A peer that was not measured: it is not on this machine, or has nothing of the kind. */
export interface Missing {
  readonly peer: string;
  readonly why: string;
}

/** One figure of every peer, in one case of a workload. */
export interface Measure {
  /** Which of the workload's cases: "64 connections, 64 B". */
  readonly case: string;
  /** "CPU per message" */
  readonly name: string;
  /** "ns", "us", "ms", "bytes", "1/s"; "" for counts. */
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** Says nothing about who is better. */
  readonly incomparable?: true;
  readonly figures: readonly Figure[];
  readonly ratios: readonly Ratio[];
}

export interface Figure extends Spread {
  readonly peer: string;
  /** Whether the peer is this package, in one of its ways. */
  readonly ours: boolean;
}

/** `of` divided by `to`: round by round, or the sums of all rounds where a round alone is too coarse to trust. */
export interface Ratio extends Spread {
  readonly of: string;
  readonly to: string;
  readonly how: "paired" | "pooled";
}

/** The median and the quartiles of one value for each round. */
export interface Spread {
  readonly values: readonly number[];
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What a figure, or where `to` is given a ratio, was to be at most (or at least). */
export interface Outcome {
  readonly case: string;
  readonly measure: string;
  readonly of: string;
  readonly to?: string;
  readonly bound: "most" | "least";
  readonly limit: number;
  readonly got: number;
  readonly met: boolean;
}
