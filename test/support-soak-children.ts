import type { ExitStatus } from "../src/index.ts";
import type { Churn, Soak } from "./support-soak-context.ts";

const PAUSE_MS = 20;
const REFUSALS = ["EAGAIN", "ENOMEM", "ETXTBSY"];

/** Child processes whose end is told once, with the right status, or not at all where nobody asks any more. */
export class Children implements Churn {
  readonly name = "children";

  async lap(soak: Soak): Promise<void> {
    while (!soak.over) {
      await soak.expect(runChild(soak), "a child's end");
      await soak.loop.sleep(PAUSE_MS);
    }
  }
}

/** A child that ends when its input does; undefined where the system refuses one for a moment. */
function spawn(exitCode: number) {
  try {
    return Bun.spawn(["/bin/sh", "-c", `read line; exit ${exitCode}`], {
      stdin: "pipe",
      stdout: "ignore",
    });
  } catch (error) {
    if (REFUSALS.includes((error as { code?: string }).code ?? "")) return undefined;
    throw error;
  }
}

async function runChild(soak: Soak): Promise<void> {
  const { loop } = soak;
  const exitCode = soak.pick(100);
  const child = spawn(exitCode);
  if (child === undefined) return;
  soak.totals.children++;
  const told: (ExitStatus | undefined)[] = [];
  loop.addChildHandler(child.pid, (_pid, status) => {
    told.push(status);
  });
  const forgotten = soak.chance(4);
  if (forgotten) loop.removeChildHandler(child.pid);
  const killed = soak.chance(3);
  if (killed) child.kill("SIGTERM");
  child.stdin.end();
  await child.exited;
  if (forgotten) {
    await loop.sleep(1);
    soak.check(told.length === 0, () => "a child's end was told though nobody asks");
    return;
  }
  await soak.until(
    () => told.length > 0,
    () => "a child's end was not told",
  );
  const expected = killed
    ? { exitCode: null, signalCode: "SIGTERM" }
    : { exitCode, signalCode: null };
  soak.check(
    told.length === 1 && Bun.deepEquals(told[0], expected),
    () => `a child that ended with ${JSON.stringify(expected)}: ${JSON.stringify(told)}`,
  );
}
