import type { IOLoop } from "../src/index.ts";
import { pseudoRandom } from "./support-random.ts";

/**
 * Adds many timeouts, in every way and with many delays, the last of which stops the loop. Returns a list that holds
 * those that ran early, once the loop has run.
 */
export function addManyTimeouts(loop: IOLoop): readonly string[] {
  const random = pseudoRandom(300);
  const early: string[] = [];
  let pending = 0;
  const finish = (what: string, late: number): void => {
    if (late < 0) early.push(`${what} by ${-late} ms`);
    if (--pending === 0) loop.stop();
  };
  for (let index = 0; index < 300; index++) {
    const delay = [0.1, 0.3, 3.1][index % 10] ?? (random(2 ** 32) / 2 ** 32) * 30;
    const due = loop.time() + delay;
    loop.callLater(delay, () => finish(`callLater ${delay}`, loop.time() - due));
    loop.callAt(due, () => finish(`callAt ${delay}`, loop.time() - due));
    const timestamp = Math.floor(Date.now() + delay);
    loop.addTimeout(timestamp, () => finish(`addTimeout ${delay}`, Date.now() - timestamp));
    pending += 3;
  }
  return early;
}
