import { MessageChannel, Worker } from "node:worker_threads";
import { READ, wake } from "../src/index.ts";
import * as io from "../src/io.ts";
import {
  CELL,
  CELLS,
  type LastMessage,
  type SoakWorkerData,
  WORKER_ENDS,
} from "./children/soak-worker.ts";
import { MODES } from "./support-modes.ts";
import { type Churn, type Soak, turnOfBun } from "./support-soak-context.ts";

const LANES = 2;
const ROUNDS_MOST = 60;
const TERMINATED_WITHIN_MS = 60;
const PAUSE_MOST_MS = 100;
const PROGRAM = new URL("children/soak-worker.ts", import.meta.url);

/** Workers with a loop each, which answer by ports, fds and wakes, until they end in one of four ways. */
export class Workers implements Churn {
  readonly name = "workers";

  async lap(soak: Soak): Promise<void> {
    const lane = async (): Promise<void> => {
      await soak.loop.sleep(soak.pick(PAUSE_MOST_MS));
      while (!soak.over) {
        soak.totals.workers++;
        await soak.expect(employ(soak), "a Worker's end");
        await soak.loop.sleep(soak.pick(PAUSE_MOST_MS));
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }
}

/** One Worker, from its start to the end of its thread. */
async function employ(soak: Soak): Promise<void> {
  const { loop, totals } = soak;
  const cells = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT));
  const { port1: near, port2: far } = new MessageChannel();
  const [mine, yours] = io.socketpair();
  const rounds = 1 + soak.pick(ROUNDS_MOST);
  const end = WORKER_ENDS[soak.pick(WORKER_ENDS.length)] ?? "return";
  const mode = MODES[soak.pick(MODES.length)] ?? "run()";
  const told = `a Worker in ${mode} that ends by ${end}`;
  let theirs: { readonly wakerId: number; readonly portId: number } | undefined;
  let answered = 0;
  let echoed = 0;
  let wakesHeard = 0;
  let gone = false;
  let concluded = Promise.resolve();

  const say = (message: number | LastMessage): void => {
    if (theirs === undefined) return;
    near.postMessage(message);
    wake(theirs.portId);
    if (typeof message !== "number") return;
    Atomics.add(cells, CELL.mainWakes, 1);
    wake(theirs.wakerId);
    totals.wakes++;
  };
  /** Sends a signal, and the last message when it has been heard. */
  const conclude = async (): Promise<void> => {
    process.kill(process.pid, "SIGURG");
    await soak.until(
      () => gone || Atomics.load(cells, CELL.signals) > 0,
      () => `${told} has not heard a signal`,
    );
    if (!gone) say({ last: Atomics.load(cells, CELL.mainWakes) });
  };
  const goOn = (): void => {
    if (echoed < answered) return;
    if (answered < rounds) say(answered);
    else concluded = conclude();
  };
  const waker = loop.waker(() => {
    wakesHeard = Atomics.load(cells, CELL.wakesBegun);
  });
  const portId = loop.addPort(near, (number) => {
    soak.check(number === answered, () => `${told}: answer ${number} in place of ${answered}`);
    answered++;
    totals.messages++;
    io.write(mine, Uint8Array.of(answered));
  });
  const byte = new Uint8Array(1);
  loop.addHandler(mine, READ, () => {
    while (io.read(mine, byte) === 1) {
      echoed++;
      soak.check(byte[0] === echoed, () => `${told}: byte ${byte[0]} in place of ${echoed}`);
      goOn();
    }
  });

  const workerData: SoakWorkerData = {
    mode,
    end,
    watch: soak.chance(2) ? "kernel" : "thread",
    closes: soak.chance(2),
    port: far,
    mainPortId: portId,
    mainWakerId: waker.id,
    fd: yours,
    cells,
  };
  await turnOfBun();
  const worker = new Worker(PROGRAM, { workerData, transferList: [far] });
  const { promise: ended, resolve: leave } = Promise.withResolvers<void>();
  const errors: string[] = [];
  worker.on("error", (error) => errors.push(String(error)));
  worker.on("exit", () => {
    gone = true;
    leave();
  });
  const terminateSoon = (): void => {
    setTimeout(() => worker.terminate(), soak.pick(TERMINATED_WITHIN_MS));
  };
  // Some of them before their loops have begun.
  const early = soak.chance(3);
  worker.on("message", (ids) => {
    theirs = ids;
    if (end === "terminate" && !early) terminateSoon();
    goOn();
  });
  if (end === "terminate" && early) terminateSoon();
  await ended;
  await concluded;

  if (end !== "terminate") {
    soak.check(answered === rounds, () => `${told}: ${answered} of ${rounds} answers came`);
    const thrown = errors.length === 1 && errors[0]?.includes("thrown on purpose");
    const right = end === "throw" ? thrown : errors.length === 0;
    soak.check(right === true, () => `${told} failed: ${errors.join(", ")}`);
  }
  soak.check(Atomics.load(cells, CELL.losses) === 0, () => `${told} has lost something`);
  await soak.until(
    () => wakesHeard >= Atomics.load(cells, CELL.wakesMade),
    () =>
      `${told} made ${Atomics.load(cells, CELL.wakesMade)} wakes, the last heard is ${wakesHeard}`,
  );
  await soak.until(
    () => theirs === undefined || !wake(theirs.wakerId),
    () => `${told} can still be woken`,
  );
  totals.wakes += Atomics.load(cells, CELL.wakesMade);
  loop.removePort(near);
  near.close();
  waker.close();
  loop.removeHandler(mine);
  for (const fd of [mine, yours]) io.close(fd);
}
