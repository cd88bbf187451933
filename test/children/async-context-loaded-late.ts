// A program that has loaded node:async_hooks only after thousands of registrations, when the library waits for a context.
import { IOLoop } from "../../src/index.ts";
import { ignore } from "../support.ts";
import { report } from "../support-child.ts";

const MANY = 3000;

using loop = new IOLoop();
for (let count = 0; count < MANY; count++) loop.addCallback(ignore);
loop.runOnce(0);

const { AsyncLocalStorage } = await import("node:async_hooks");
const { run, enterWith } = AsyncLocalStorage.prototype;
const storage = new AsyncLocalStorage<number>();
const figures: Record<string, number> = {};
const note = (name: string) => (): void => {
  figures[name] = storage.getStore() ?? -1;
};

loop.addCallback(note("before"));
const [, , first] = process.argv;
if (first === "run") storage.run(1, () => loop.addCallback(note("within")));
else {
  loop.addCallback(() => storage.enterWith(1));
  loop.addCallback(note("within"));
}
loop.callLater(0, note("timeout"));
loop.runOnce(0);
loop.runOnce(0);
const { prototype } = AsyncLocalStorage;
figures["replaced"] = Number(prototype.run !== run && prototype.enterWith !== enterWith);
figures["names"] = Number(prototype.run.name === "run" && prototype.enterWith.name === "enterWith");
report(figures);
