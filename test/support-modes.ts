import type { IOLoop } from "../src/index.ts";
import { fail } from "./support.ts";

/** Far above what any test needs on a slow machine, and below the runner's own limit of 20 seconds. */
export const GUARD_MS = 12_000;

/** The two ways in which a loop runs until it is stopped: on its own, and hosted by Bun's. */
export const MODES = ["start()", "run()"] as const;
export type Mode = (typeof MODES)[number];

/** The mode that a child was given by its name. */
export function modeOf(name: unknown): Mode {
  return MODES.find((mode) => mode === name) ?? fail(`there is no mode ${name}`);
}

/**
 * Runs `loop` in `mode` until it is stopped or closed; fails when only the guard ended it. That one closes the loop,
 * so that whatever waits for it ends as well.
 */
export async function runIn(mode: Mode, loop: IOLoop, guardMs = GUARD_MS): Promise<void> {
  let late = false;
  const guard = loop.callLater(guardMs, () => {
    late = true;
    loop.close();
  });
  try {
    if (mode === "start()") loop.start();
    else await loop.run();
  } finally {
    loop.removeTimeout(guard);
  }
  if (late) fail(`the loop was not stopped within ${guardMs} ms`);
}

/** Stops `loop` after so long, in turns of 5 ms: a machine that stalls makes it longer, and takes no turn from it. */
export function stopAfter(ms: number, loop: IOLoop): void {
  if (ms <= 0) loop.stop();
  else loop.callLater(5, () => stopAfter(ms - 5, loop));
}
