import { once } from "node:events";
import { join } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { IOLoop } from "../src/index.ts";
import { openGate } from "./children/worker-gate.ts";

/** More than the 100 ms within which a loop looks at its ports; a slow machine only makes it longer. */
export const AFTER_MS = 150;

/** A channel whose ports are closed at the end of the test. Dispose of it with `using`. */
export class Channel implements Disposable {
  readonly near: MessagePort;
  readonly far: MessagePort;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.near = port1;
    this.far = port2;
  }

  [Symbol.dispose](): void {
    this.near.close();
    this.far.close();
  }
}

/** Posts `count` numbers, the first of them `first`. */
export function post(port: MessagePort, first: number, count: number): void {
  for (let number = first; number < first + count; number++) port.postMessage(number);
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** A Worker of port-sender.ts that waits at its gate. Dispose of it with `await using`. */
export async function startSender(data: {
  readonly port?: MessagePort;
  readonly id?: number;
  readonly first?: number;
  readonly count: number;
  readonly pauseMs?: number;
  readonly stays?: boolean;
}): Promise<AsyncDisposable & { readonly worker: Worker; readonly open: () => void }> {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(join(import.meta.dir, "children", "port-sender.ts"), {
    workerData: { first: 0, pauseMs: 0, stays: true, ...data, cells },
    transferList: data.port === undefined ? [] : [data.port],
  });
  await once(worker, "message");
  return {
    worker,
    open: () => openGate(cells),
    async [Symbol.asyncDispose](): Promise<void> {
      await worker.terminate();
    },
  };
}

/** Has the loop collect a port's messages, and stop once there are `count`, or a while after. */
export function collect(loop: IOLoop, port: MessagePort, count: number, afterMs = 0): unknown[] {
  const heard: unknown[] = [];
  loop.addPort(port, (data) => {
    heard.push(data);
    if (heard.length !== count) return;
    if (afterMs === 0) loop.stop();
    else loop.callLater(afterMs, () => loop.stop());
  });
  return heard;
}
