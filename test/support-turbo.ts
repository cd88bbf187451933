import { expect } from "bun:test";
import { type TurboIOLoop, util } from "../src/turbo.ts";
import { GUARD_MS } from "./support-modes.ts";

/** `loop.start()` under a guard; fails when only the guard ended it. */
export function start(loop: TurboIOLoop): void {
  let late = false;
  const guard = loop.add_timeout(util.gettimemonotonic() + GUARD_MS, () => {
    late = true;
    loop.close();
  });
  loop.start();
  loop.remove_timeout(guard);
  expect(late).toBeFalse();
}

/** Runs `passes` single passes, which wait for nothing. */
export function pass(loop: TurboIOLoop, passes = 1): void {
  for (let done = 0; done < passes; done++) {
    loop.stop();
    start(loop);
  }
}
