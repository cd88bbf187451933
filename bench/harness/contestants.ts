import type { Peer } from "./peers.ts";
import { type Load, loaded, measured, type Output, serve } from "./process.ts";
import type { Missing } from "./results.ts";
import type { Contestant, Length } from "./workload.ts";

/** A contestant of which nothing outlives a round. */
export function anew(
  peer: Peer,
  way: string,
  measure: (length: Length) => Promise<Output>,
): Contestant {
  return {
    peer,
    way,
    start: async (length) => ({
      measure: () => measure(length),
      async [Symbol.asyncDispose]() {},
    }),
  };
}

const UNREADY = "it has no handlers for ready fds";
/** Whom a workload of ready fds cannot measure. */
export const NO_READINESS: readonly Missing[] = [
  { peer: "Node", why: UNREADY },
  { peer: "Bun", why: UNREADY },
];

type Arguments = (length: Length) => readonly number[];

/** A peer's program, that measures itself and prints what it found. */
export function program(peer: Peer, name: string, given: Arguments, way = ""): Contestant {
  return anew(peer, way, (length) => measured(peer, name, ...given(length)));
}

/** The same program of several peers. */
export function programs(peers: readonly Peer[], name: string, given: Arguments): Contestant[] {
  return peers.map((peer) => program(peer, name, given));
}

/** How often a service is loaded before anything is measured: its code is compiled meanwhile, that for ends too. */
const WARM_LOADS = [10, 5] as const;
const WARM_MS = 200;

/** The arguments that have our echo service run without spin, in run(). */
export const HOSTED = [0, 1] as const;

/**
 * A peer's echo service, loaded by the native client. It serves through all rounds and is warmed up before them, so
 * that a round is short, and its contestants are measured while the machine is the same.
 */
export function echo(
  peer: Peer,
  load: (length: Length) => Load,
  given: readonly number[] = [],
  way = "",
): Contestant {
  return {
    peer,
    way,
    async start(length) {
      await using disposal = new AsyncDisposableStack();
      const service = disposal.use(await serve(peer, "echo", ...given));
      const round = load(length);
      for (let left = length.pick(...WARM_LOADS); left > 0; left--) {
        await loaded(service, { ...round, ms: WARM_MS });
      }
      const kept = disposal.move();
      return {
        measure: () => loaded(service, round),
        [Symbol.asyncDispose]: () => kept.disposeAsync(),
      };
    },
  };
}
