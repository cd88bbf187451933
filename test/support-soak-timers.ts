import type { Churn, Soak } from "./support-soak-context.ts";

const TIMEOUTS_MOST = 200;
const DELAY_MOST_MS = 40;
const INTERVALS = 8;
const PERIOD_MOST_MS = 8;
const PAUSE_MS = 10;

/** Timeouts that fire once, in order and never early, or were cancelled; intervals on their grid; callbacks in order. */
export class Timers implements Churn {
  readonly name = "timers";

  async lap(soak: Soak): Promise<void> {
    const lanes = [timeouts, intervals, callbacks].map(async (round) => {
      while (!soak.over) await round(soak);
    });
    await Promise.all(lanes);
  }
}

async function timeouts(soak: Soak): Promise<void> {
  const { loop } = soak;
  const count = 1 + soak.pick(TIMEOUTS_MOST);
  const fired = new Uint8Array(count);
  const refs: number[] = [];
  let left = count;
  let last = { deadline: 0, index: -1 };
  let ordered = false;
  const fire = (index: number, deadline: number): void => {
    const early = deadline - loop.time();
    soak.check(early <= 0, () => `a timeout fired ${early} ms early`);
    soak.check(fired[index] === 0, () => `timeout ${index} fired again, or after it was cancelled`);
    const follows = deadline > last.deadline || (deadline === last.deadline && index > last.index);
    soak.check(
      follows || !ordered,
      () => `a timeout for ${deadline} fired after one for ${last.deadline}`,
    );
    last = { deadline, index };
    fired[index] = 1;
    left--;
  };
  const start = loop.time() + 1;
  for (let index = 0; index < count; index++) {
    // Some of them are equal.
    const deadline = start + soak.pick(DELAY_MOST_MS);
    refs.push(loop.callAt(deadline, () => fire(index, deadline)));
  }
  // A deadline that had passed by then became another one.
  ordered = loop.time() < start;
  const cancel = (index: number): void => {
    const pending = fired[index] === 0;
    const removed = loop.removeTimeout(refs[index] as number);
    soak.check(removed === pending, () => `removeTimeout said ${removed} of timeout ${index}`);
    if (!removed) return;
    fired[index] = 2;
    left--;
  };
  for (let tries = soak.pick(count); tries > 0; tries--) cancel(soak.pick(count));
  loop.callLater(soak.pick(DELAY_MOST_MS), () => cancel(soak.pick(count)));
  soak.totals.timers += count;
  await soak.until(
    () => left === 0,
    () => `${left} of ${count} timeouts have not fired`,
  );
  await loop.sleep(PAUSE_MS);
}

async function intervals(soak: Soak): Promise<void> {
  await Promise.all(Array.from({ length: INTERVALS }, () => interval(soak)));
}

/** An interval that is cleared in its tick, from outside, or in an asynchronous one that is still pending. */
async function interval(soak: Soak): Promise<void> {
  const { loop } = soak;
  const { promise, resolve } = Promise.withResolvers<void>();
  const ticksMost = 1 + soak.pick(6);
  const asynchronous = soak.chance(2);
  let ticks = 0;
  let running = false;
  const tick = async (): Promise<void> => {
    soak.check(!running, () => "an interval beat while its promise was pending");
    soak.check(ticks < ticksMost, () => "an interval beat after it was cleared");
    ticks++;
    if (asynchronous) {
      running = true;
      await loop.sleep(soak.pick(10));
      running = false;
    }
    if (ticks < ticksMost) return;
    soak.check(loop.clearInterval(ref), () => "an interval was gone before it was cleared");
    soak.check(!loop.clearInterval(ref), () => "an interval was cleared twice");
    resolve();
  };
  const ref = loop.setInterval(0.5 + soak.pick(PERIOD_MOST_MS), tick);
  soak.totals.timers++;
  await soak.expect(promise, "an interval's beats");
}

async function callbacks(soak: Soak): Promise<void> {
  const { loop } = soak;
  const count = 1 + soak.pick(TIMEOUTS_MOST);
  let next = 0;
  for (let index = 0; index < count; index++) {
    loop.addCallback((given: number) => {
      soak.check(given === next++, () => `callback ${given} ran in place of ${next - 1}`);
    }, index);
  }
  await soak.until(
    () => next === count,
    () => `${count - next} of ${count} callbacks have not run`,
  );
  await loop.sleep(soak.pick(PAUSE_MS));
}
