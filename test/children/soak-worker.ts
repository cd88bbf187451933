// A Worker of the soak: its loop answers through a port, an fd and wakes, and ends in the way that it is told.
import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import { IOLoop, READ, wake } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { ignore } from "../support.ts";

/** How a Worker ends. One that is terminated may be so at any moment. */
export const WORKER_ENDS = ["return", "exit", "throw", "terminate"] as const;
export type WorkerEnd = (typeof WORKER_ENDS)[number];

/** What both sides count in shared memory. */
export const CELL = {
  /** By the Worker, before each of its wakes, and after it. */
  wakesBegun: 0,
  wakesMade: 1,
  /** By the main thread before each of its wakes; and what the Worker has heard of that. */
  mainWakes: 2,
  mainWakesHeard: 3,
  /** Anything that came twice, out of order or not at all. */
  losses: 4,
  /** SIGURG, which nobody minds who does not listen. */
  signals: 5,
} as const;
export const CELLS = 6;

export interface SoakWorkerData {
  readonly mode: "start()" | "run()";
  readonly watch: "kernel" | "thread";
  readonly end: WorkerEnd;
  /** Whether it closes its loop, or leaves that to its thread's end. */
  readonly closes: boolean;
  readonly port: MessagePort;
  readonly mainPortId: number;
  readonly mainWakerId: number;
  /** The main thread's fd: what comes goes back. */
  readonly fd: number;
  readonly cells: Int32Array;
}

/** The last message to the Worker, after numbers from 0 on. */
export interface LastMessage {
  readonly last: number;
}

function serve(data: SoakWorkerData): IOLoop {
  const { port, mainPortId, mainWakerId, fd, cells } = data;
  const lose = (): void => {
    Atomics.add(cells, CELL.losses, 1);
  };
  const loop = new IOLoop({ onError: lose });
  const buffer = new Uint8Array(256);
  let expected = 0;
  let last: number | undefined;

  const endWhenAllIsHeard = (): void => {
    if (last !== undefined && Atomics.load(cells, CELL.mainWakesHeard) >= last) loop.stop();
  };
  const waker = loop.waker(() => {
    Atomics.store(cells, CELL.mainWakesHeard, Atomics.load(cells, CELL.mainWakes));
    endWhenAllIsHeard();
  });
  const answer = (message: unknown): void => {
    if (typeof message !== "number") {
      last = (message as LastMessage).last;
      endWhenAllIsHeard();
      return;
    }
    if (message !== expected++) lose();
    port.postMessage(message);
    wake(mainPortId);
    Atomics.add(cells, CELL.wakesBegun, 1);
    if (wake(mainWakerId)) Atomics.add(cells, CELL.wakesMade, 1);
  };
  const portId = loop.addPort(port, answer);
  loop.addHandler(fd, READ, () => {
    const count = io.read(fd, buffer);
    if (count > 0 && io.write(fd, buffer, 0, count) !== count) lose();
  });
  loop.addSignalHandler("SIGURG", () => Atomics.add(cells, CELL.signals, 1));
  loop.setInterval(2, ignore);
  loop.callLater(60_000, ignore);
  parentPort?.postMessage({ wakerId: waker.id, portId });
  return loop;
}

if (workerData !== null) {
  const data = workerData as SoakWorkerData;
  process.env["BUN_IOLOOP_WATCH"] = data.watch;
  const loop = serve(data);
  if (data.mode === "start()") loop.start();
  else await loop.run();
  if (data.closes) loop.close();
  if (data.end === "exit") process.exit(0);
  if (data.end === "throw") throw new Error("thrown on purpose");
}
