// Makes loops in two Workers at once, and checks that the loop of the main thread is left alone.
import { IOLoop, instance } from "../../src/index.ts";
import { report } from "../support-child.ts";

interface Answer {
  readonly served: number;
  readonly closed: number;
  readonly fresh: boolean;
}

const global = instance();
global.addCallback(() => {});

const answers = await Promise.all(
  [1, 2].map(
    () =>
      new Promise<Answer>((resolve, reject) => {
        const worker = new Worker(new URL("loop-maker.ts", import.meta.url));
        worker.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
      }),
  ),
);

report({
  served: sum(answers.map(({ served }) => served)),
  closedByWorkers: sum(answers.map(({ closed }) => closed)),
  freshInWorkers: answers.filter(({ fresh }) => fresh).length,
  mainKept: Number(IOLoop.instance() === global && !global.closed && global.pollTimeout() === 0),
});
process.exit(0);

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
