import { expect, test } from "bun:test";
import { CHILD_TEST_MS, figuresOf } from "./support-child.ts";
import type { Mode } from "./support-modes.ts";

const MILLION = 1_000_000;

/** A million places in a queue, each with its argument, take 16,000,000 bytes. */
const HELD_BYTES_MOST = 4_000_000;

test.each<[Mode, number]>([
  ["start()", 10],
  ["run()", 1],
])(
  "in %s, %i million callbacks of 20 chains, each of which adds the next, run in order, and an fd is served after every 20",
  async (mode, millions) => {
    const [count, chains] = [millions * MILLION, 20];
    const args = [mode, `${count}`, `${chains}`, "chain"];
    const { heldBytes, ticks, ...figures } = await figuresOf("flood-callbacks.ts", { args });
    const served = count / chains;
    expect(figures).toEqual({ ran: count, misplaced: 0, served, most: chains });
    expect(heldBytes).toBeLessThan(HELD_BYTES_MOST);
    // Bun's timers run as well, where it hosts the loop.
    if (mode === "run()") expect(ticks).toBeGreaterThan(0);
  },
  CHILD_TEST_MS,
);

test.each<[Mode, number]>([
  ["start()", 10],
  ["run()", 2],
])(
  "in %s, %i times a million callbacks queued at once run in order, an fd is served after each million, and no memory is held",
  async (mode, millions) => {
    const count = millions * MILLION;
    const args = [mode, `${count}`, `${MILLION}`, "bulk"];
    const { heldBytes, ticks: _, ...figures } = await figuresOf("flood-callbacks.ts", { args });
    expect(figures).toEqual({ ran: count, misplaced: 0, served: millions, most: MILLION });
    expect(heldBytes).toBeLessThan(HELD_BYTES_MOST);
  },
  CHILD_TEST_MS,
);

test.each<[Mode, number]>([
  ["start()", MILLION],
  ["run()", MILLION / 5],
])(
  "in %s, %i timers due at once run in order, once and never early, and an fd waits for one step of them alone",
  async (mode, count) => {
    const figures = await figuresOf("flood-timers.ts", { args: [mode, `${count}`] });
    const { overdueMs = 0, ...counts } = figures;
    const [many, longest] = [count.toLocaleString("en"), overdueMs.toFixed(0)];
    console.log(`  ${many} timers due at once, in ${mode}: an fd waited ${longest} ms at most`);
    expect(counts).toEqual({
      ran: count,
      disordered: 0,
      fewestOverdue: count,
      ranTogether: count / 10,
      fewestTogether: count / 10,
      early: 0,
      // 1,000 that add themselves again, due at once, run once for each call of the fd's handler.
      ranAgain: 200_000,
      mostAgain: 1000,
    });
  },
  CHILD_TEST_MS,
);
