import { READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { ignore, poke } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { dup, dup2 } from "./support-libc.ts";
import { type Churn, Planned, type Soak } from "./support-soak-context.ts";

const PAUSE_MOST_MS = 20;

/** Fds that were closed while a duplicate lives: whoever has the number then hears nothing of them. */
export class Ghosts implements Churn {
  readonly name = "ghosts";

  async lap(soak: Soak): Promise<void> {
    if (lacks("sight of a close")) return;
    while (!soak.over) {
      soak.totals.ghosts++;
      await soak.expect(haunt(soak), "a ghost's end");
      await soak.loop.sleep(soak.pick(PAUSE_MOST_MS));
    }
  }
}

async function haunt(soak: Soak): Promise<void> {
  const { loop } = soak;
  const [near, far] = io.socketpair();
  const [quiet, writer] = io.pipe();
  const duplicate = dup(near);
  loop.addHandler(near, soak.chance(2) ? READ : READ | WRITE, ignore);
  // The number names the pipe from now on, so that nobody else's file can get it meanwhile.
  dup2(quiet, near);
  poke(far);
  if (soak.chance(2)) await loop.sleep(soak.pick(3));
  loop.removeHandler(near);
  let calls = 0;
  loop.addHandler(near, READ, () => {
    calls++;
  });
  await loop.sleep(soak.pick(5));
  soak.check(calls === 0, () => `a quiet fd heard ${calls} events of a file that had its number`);
  poke(writer);
  await soak.until(
    () => calls > 0,
    () => "an fd was not heard whose number had another file",
  );
  loop.removeHandler(near);
  for (const fd of [near, quiet, writer, far, duplicate]) io.close(fd);
}

const KINDS = ["handler", "callback", "timeout", "interval", "async callback"] as const;

/** Whatever throws is reported once, and takes nothing else along; now and then it leaves the run. */
export class Errors implements Churn {
  readonly name = "errors";

  async lap(soak: Soak): Promise<void> {
    while (!soak.over) {
      soak.totals.errors++;
      const kind = KINDS[soak.pick(KINDS.length)] ?? "handler";
      await soak.expect(throwIn(soak, kind), `an error in a ${kind}`);
      await soak.loop.sleep(soak.pick(PAUSE_MOST_MS));
    }
  }
}

async function throwIn(soak: Soak, kind: (typeof KINDS)[number]): Promise<void> {
  const { loop } = soak;
  // What rejects may do so between two runs, which nothing can leave.
  const planned = new Planned(kind !== "async callback" && soak.chance(4));
  const raise = (): never => {
    throw planned;
  };
  const [reader, writer] = io.pipe();
  poke(writer);
  if (kind === "handler") loop.addHandler(reader, READ, raise);
  if (kind === "callback") loop.addCallback(raise);
  if (kind === "timeout") loop.callLater(soak.pick(5), raise);
  if (kind === "async callback") loop.addCallback(async () => raise());
  if (kind === "interval") {
    const ref = loop.setInterval(1, () => {
      loop.clearInterval(ref);
      raise();
    });
  }
  await soak.until(
    () => planned.heard > 0,
    () => `an error in a ${kind} was not reported`,
  );
  // It would be called again at once.
  soak.check(!loop.removeHandler(reader), () => "a handler that threw stayed");
  await loop.sleep(0);
  soak.check(planned.heard === 1, () => `an error in a ${kind} came ${planned.heard} times`);
  for (const fd of [reader, writer]) io.close(fd);
}
