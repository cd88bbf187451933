import { expect, test } from "bun:test";
import { figuresOfAbuse } from "./support-abuse.ts";
import { CHILD_TEST_MS } from "./support-child.ts";

const CALLS_MOST = 20_000;
/** A slow machine makes fewer calls. */
const MS_MOST = 6000;
/** What Bun itself opens meanwhile, and what libkqueue closes later. */
const FDS_MOST = 8;

test(
  "whatever is passed to whatever is public, the process lives, errors are proper ones, and the loop works on",
  async () => {
    const args = [String(CALLS_MOST), String(MS_MOST)];
    const { calls = 0, thrown = 0, targets, fds } = await figuresOfAbuse("abuse-fuzz.ts", args);
    expect(targets).toBeGreaterThan(80);
    expect(calls).toBeGreaterThan(500);
    // Of the calls from outside some are refused, and some are not.
    expect(thrown / calls).toBeWithin(0.1, 0.9);
    expect(fds).toBeLessThan(FDS_MOST);
  },
  CHILD_TEST_MS,
);
