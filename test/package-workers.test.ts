import { expect, test } from "bun:test";
import { installed, PACKAGE_MS, runProgram } from "./support-package.ts";

test(
  "two Workers and the main thread each have a loop of the installed package",
  async () => {
    const program = `
      import { isMainThread, parentPort, threadId, Worker } from "node:worker_threads";
      import { IOLoop, READ } from "bun-ioloop";
      import { pipe, read, write } from "bun-ioloop/io";

      const bytes = threadId + 1;
      const [reader, writer] = pipe();
      const loop = IOLoop.instance();
      let count = 0;
      loop.addHandler(reader, READ, (fd) => {
        count = read(fd, new Uint8Array(64));
        loop.stop();
      });
      loop.callLater(1, () => write(writer, new Uint8Array(bytes)));

      if (isMainThread) {
        const workers = [new Worker(import.meta.path), new Worker(import.meta.path)];
        const answers = workers.map((worker) => new Promise((done) => worker.once("message", done)));
        loop.start();
        console.log(count === bytes, ...(await Promise.all(answers)));
      } else {
        loop.start();
        parentPort?.postMessage(count === bytes);
      }
    `;
    const { project } = await installed();
    expect(await runProgram(project, "workers.ts", program)).toBe("true true true\n");
  },
  PACKAGE_MS,
);
