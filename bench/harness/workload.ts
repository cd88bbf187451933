import type { Peer } from "./peers.ts";
import type { Output } from "./process.ts";
import type { Missing } from "./results.ts";

/** What is to be measured: cases, of which each has its own rounds. */
export interface Workload {
  readonly name: string;
  /** What is done, in one or two sentences. */
  readonly what: string;
  readonly cases: readonly Case[];
  /** Peers that have nothing of the kind. */
  readonly without?: readonly Missing[];
  readonly goals?: readonly Goal[];
}

export interface Case {
  readonly name: string;
  readonly contestants: readonly Contestant[];
  readonly figures: readonly FigureKind[];
  /** Rounds of a full run, and of a quick one. */
  readonly rounds: readonly [full: number, quick: number];
  /** How often all contestants are started, with as many rounds each time; once where it is not given. */
  readonly starts?: readonly [full: number, quick: number];
  /** One of our own ways that the others of ours are compared with as well. */
  readonly against?: string;
  /** Whether its contestants are measured at the same time: they hardly need the processor. */
  readonly together?: boolean;
}

/** A peer in one of its ways. */
export interface Contestant {
  readonly peer: Peer;
  /** What tells it from the same peer's other ways; "" where there is one. */
  readonly way: string;
  readonly start: (length: Length) => Promise<Started>;
}

/** A contestant that is measured once in each round, and disposed of after the last. */
export interface Started extends AsyncDisposable {
  measure(): Promise<Output>;
}

/** How long a round may take. */
export interface Length {
  readonly quick: boolean;
  /** One of two, by whether the run is quick. */
  readonly pick: (full: number, quick: number) => number;
}

export interface FigureKind {
  readonly name: string;
  readonly unit: string;
  /** "lower" where it is not given. */
  readonly better?: "lower" | "higher";
  readonly of: (output: Output) => number;
  /** For what a round alone measures too coarsely: what the value was divided by, so that rounds can be added up. */
  readonly per?: (output: Output) => number;
  /** Says nothing about who is better, so it is not compared. */
  readonly incomparable?: boolean;
}

/** Where `to` is given, the ratio of two figures; otherwise the figure itself. */
export interface Goal {
  readonly case: string;
  readonly figure: string;
  readonly of: string;
  readonly to?: string;
  readonly most?: number;
  readonly least?: number;
}

export const OURS: Peer = "bun-ioloop";

/** That a figure of ours, in its plain way, is at most so many times a peer's. */
export function ratioGoal(name: string, figure: FigureKind, to: string, most: number): Goal {
  return { case: name, figure: figure.name, of: OURS, to, most };
}

export function contestantName({ peer, way }: Pick<Contestant, "peer" | "way">): string {
  return way === "" ? peer : `${peer}, ${way}`;
}

/** One of the figures that a process tells, as it is. */
export function told(key: string): (output: Output) => number {
  return (output) => output[key] as number;
}
