// What one ready fd costs: a whole iteration of the loop, against the bare native wait that it stands on.
import { bench, boxplot, run, summary } from "mitata";
import { IOLoop, READ } from "../src/index.ts";
import { socketpair, write } from "../src/io.ts";
import { Poller } from "../src/poller.ts";

for (const count of [1, 64, 1000]) {
  const pairs = Array.from({ length: count }, () => socketpair());
  const loop = new IOLoop();
  const poller = new Poller(1024, 0);
  for (const [index, [reader, writer]] of pairs.entries()) {
    // Nobody reads, so every fd is ready in every iteration.
    write(writer, new Uint8Array(1));
    loop.addHandler(reader, READ, () => {});
    poller.add(reader, ((index + 1) << 8) | READ);
  }
  boxplot(() => {
    summary(() => {
      bench(`bare wait, ${count} ready`, () => poller.wait(0)).baseline(true);
      bench(`loop.runOnce(0), ${count} ready`, () => loop.runOnce(0));
    });
  });
}

const { benchmarks } = await run();
for (const { alias, runs } of benchmarks) {
  const count = Number(/(\d+) ready/.exec(alias)?.[1]);
  const median = runs[0]?.stats?.p50 ?? Number.NaN;
  console.log(`${alias}: ${(median / count).toFixed(1)} ns for each ready fd`);
}
