// Has globalThis.setTimeout replaced under a loop, as fake timers do, by one that returns nothing.
import { IOLoop } from "../../src/index.ts";
import { report } from "../support-child.ts";

using loop = new IOLoop({
  onError: (error) => {
    throw error;
  },
});
let called = 0;
let asked = 0;
loop.addCallback(() => {
  globalThis.setTimeout = (() => {
    asked++;
  }) as unknown as typeof setTimeout;
  loop.addCallback(() => called++);
  loop.callLater(1, () => {
    called++;
    loop.stop();
  });
});
loop.start();
report({ called, asked });
