import { describe, expect, test } from "bun:test";
import { fail } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { CHILD_TEST_MS, figuresOf } from "./support-child.ts";
import { MODES } from "./support-modes.ts";
import { Folder, onMacos } from "./support-system.ts";

/** Each of two children gives up after 15 seconds. */
const TWO_CHILDREN_MS = 45_000;

const CLIENTS = 100;

/** A client of Bun's own; whether it was served. */
async function isServed(unix: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const end = (): void => resolve(false);
  const data = (_socket: unknown, answer: Buffer): void => resolve(answer.toString() === "served");
  const socket = await Bun.connect({ unix, socket: { data, close: end, error: end } });
  try {
    return await promise;
  } finally {
    socket.end();
  }
}

async function serveMany(pause: string): Promise<Record<string, number>> {
  using folder = new Folder();
  const unix = folder.file("socket");
  let answers: Promise<boolean[]> | undefined;
  const figures = await figuresOf("flood-accept.ts", {
    args: [unix, `${CLIENTS}`, pause],
    under: ["bash", "-c", 'ulimit -n 64; exec "$0" "$@"'],
    prod() {
      answers ??= Promise.all(Array.from({ length: CLIENTS }, () => isServed(unix)));
    },
  });
  expect(await answers).toEqual(Array.from({ length: CLIENTS }, () => true));
  return figures;
}

test(
  "of 15,000 fds exactly those are called that are sent to, at no more cost than of few, and nothing is left of them",
  async () => {
    const asked = 7500;
    const figures = await figuresOf("flood-fds.ts", { args: [`${asked}`] });
    const { pairs = 0, highest, growth = fail("no growth"), left, grownBytes } = figures;
    const limited = pairs < asked ? ", all that may be open here" : "";
    console.log(
      `  ${2 * pairs} fds${limited}: an event costs ${growth.toFixed(2)} times what it does beside 10`,
    );
    expect(figures).toMatchObject({ wrong: 0, afterRemoval: 0 });
    if (!lacks("a close that is done on return")) expect(left).toBe(0);
    expect(pairs).toBeGreaterThan(0);
    expect(highest).toBeGreaterThanOrEqual(2 * pairs);
    // A scan of all fds would cost many times as much.
    expect(growth).toBeLessThan(3);
    // Of the second time, when the tables have their size.
    expect(grownBytes).toBeLessThan(10_000_000);
  },
  CHILD_TEST_MS,
);

test(
  "of 5,000 fds that are always ready and come 64 at a time, none is served twice more than another",
  async () => {
    const figures = await figuresOf("flood-ready.ts", { args: ["2500", "64"] });
    expect(figures).toEqual({
      ready: 5000,
      fewestPasses: 79,
      unserved: 0,
      unfair: 0,
      called: 3 * 79 * 64,
    });
  },
  CHILD_TEST_MS,
);

if (onMacos) console.warn("macOS drops a connection that no fd is free for: EMFILE is not told");

test.skipIf(onMacos)(
  "while no fd is free for accept, a paused listener leaves the processor idle, and all are served in the end",
  async () => {
    const paused = await serveMany("pause");
    const busy = await serveMany("no pause");
    console.log(`  passes while no fd is free: ${paused["passes"]} paused, ${busy["passes"]} not`);
    for (const figures of [paused, busy]) expect(figures["served"]).toBe(CLIENTS);
    const { passes = fail("never full"), fullMs = 0, cpuMs, attempts, refusals = 0 } = paused;
    expect(refusals).toBeGreaterThan(0);
    expect(attempts).toBeLessThan(5 * CLIENTS);
    expect(cpuMs).toBeLessThan(fullMs / 2);
    // It is what keeps the loop from spinning.
    expect(busy["passes"]).toBeGreaterThan(5 * passes);
  },
  TWO_CHILDREN_MS,
);

describe.each([...MODES])("a peer that never reads, in %s,", (mode) => {
  test(
    "has its handler told nothing more, keeps the loop from nothing, and misses nothing once it reads",
    async () => {
      const figures = await figuresOf("flood-silent-peer.ts", { args: [mode] });
      const { restMs = 0, stuck, toldWhileFull, cpuMs, passes, grownBytes, served } = figures;
      expect(stuck).toBeGreaterThanOrEqual(3);
      // The kernel may enlarge TCP's buffers once more.
      expect(toldWhileFull).toBeLessThan(10);
      expect(cpuMs).toBeLessThan(restMs / 2);
      expect(grownBytes).toBeLessThan(10_000_000);
      // Another fd is poked every 10 ms, by a timer: hosted, each can take several passes.
      expect(served).toBeGreaterThan(0);
      expect(passes).toBeLessThan(restMs);
      expect(figures).toMatchObject({ unsent: 0, unread: 0, misplaced: 0 });
    },
    CHILD_TEST_MS,
  );
});
