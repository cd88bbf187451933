import { expect, test } from "bun:test";
import { figuresOf } from "./support-child.ts";

test.each(["a settled promise", "a sleep", "a timeout"])(
  "runUntil begun on a stack that is nearly full throws the RangeError or waits for %s, and the loop goes on",
  async (work) => {
    const figures = await figuresOf("full-stack.ts", { args: [work] });
    expect(figures).toEqual({
      done: expect.any(Number),
      refused: expect.any(Number),
      otherwise: 0,
    });
    expect(Math.min(figures["done"] as number, figures["refused"] as number)).toBeGreaterThan(0);
  },
);
