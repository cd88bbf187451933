// Loads the package within a context, and runs a loop within another: what was added without one must see none.
import { AsyncLocalStorage } from "node:async_hooks";
import { ignore } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn } from "../support-modes.ts";

type Package = typeof import("../../src/index.ts");

const storage = new AsyncLocalStorage<string>();
const index = "../../src/index.ts";
const { IOLoop, READ } = storage.run("loading", () => require(index) as Package);
const { pipe, write } = await import("../../src/io.ts");

const mode = modeOf(process.argv[2]);
const without: string[] = [];
const within: string[] = [];
const note = (seen: string[]) => (): void => {
  seen.push(storage.getStore() ?? "none");
};

using loop = new IOLoop();
const [reader, writer] = pipe();
write(writer, new Uint8Array(1));
loop.addHandler(reader, READ, () => {
  note(without)();
  loop.removeHandler(reader);
});
loop.addCallback(note(without));
loop.callLater(0, note(without));
storage.run("adding", () => {
  loop.addCallback(note(within));
  loop.callLater(0, note(within));
});
loop.callLater(20, () => loop.stop());
loop.addCallback(ignore);
await storage.run("running", () => runIn(mode, loop));
report({
  without: without.filter((store) => store === "none").length,
  within: within.filter((store) => store === "adding").length,
});
