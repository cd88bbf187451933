// A Worker whose loop owns its thread, and a main thread that talks to it: messages through a MessagePort, each followed by
// a wake, so that they are heard at once though the Worker sleeps in the kernel. Usage: bun examples/worker.ts
import { IOLoop, wake } from "bun-ioloop";

declare const self: Worker;

const MESSAGES = 5;

if (Bun.isMainThread) runMain();
else runWorker();

function runMain(): void {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(import.meta.url);
  let sentAt = 0;

  worker.onmessage = ({ data: waker }: MessageEvent<number>) => {
    const send = (number: number): void => {
      sentAt = performance.now();
      port1.postMessage(number);
      wake(waker);
    };
    port1.onmessage = ({ data: number }) => {
      console.log(`answer ${number} after ${Math.round((performance.now() - sentAt) * 1000)} us`);
      if (number < MESSAGES) send(number + 1);
      else worker.terminate();
    };
    send(1);
  };
  worker.addEventListener("close", () => process.exit(0));
  worker.postMessage(port2, [port2]);
}

function runWorker(): void {
  self.onmessage = ({ data: port }: MessageEvent<MessagePort>) => {
    const loop = new IOLoop();
    const waker = loop.addPort(port, (number) => port.postMessage(number));
    postMessage(waker);
    // Until the main thread terminates this Worker, which ends the wait at once.
    loop.start();
  };
}
