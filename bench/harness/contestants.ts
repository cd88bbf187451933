import type { Peer } from "./peers.ts";
import { type Load, loaded, measured, type Output, serve } from "./process.ts";
import type { Missing } from "./results.ts";
import type { Contestant, Length } from "./workload.ts";

const UNREADY = "it has no handlers for ready fds";
/** Whom a workload of ready fds cannot measure. */
export const NO_READINESS: readonly Missing[] = [
  { peer: "Node", why: UNREADY },
  { peer: "Bun", why: UNREADY },
];

type Arguments = (length: Length) => readonly number[];

/** A peer's program, that measures itself and prints what it found. */
export function program(peer: Peer, name: string, given: Arguments, way = ""): Contestant {
  return { peer, way, measure: (length) => measured(peer, name, ...given(length)) };
}

/** The same program of several peers. */
export function programs(peers: readonly Peer[], name: string, given: Arguments): Contestant[] {
  return peers.map((peer) => program(peer, name, given));
}

/** The arguments that have our echo service run without spin, in run(). */
export const HOSTED = [0, 1] as const;

/** A peer's echo service, loaded by the native client. */
export function echo(
  peer: Peer,
  load: (length: Length) => Load,
  given: readonly number[] = [],
  way = "",
): Contestant {
  return {
    peer,
    way,
    async measure(length): Promise<Output> {
      await using service = await serve(peer, "echo", ...given);
      return await loaded(service, load(length));
    },
  };
}
