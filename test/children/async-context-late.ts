// Meets its first AsyncLocalStorage context in a certain way: async-context-late.ts <scenario> <mode>
import { AsyncLocalStorage } from "node:async_hooks";
import { type IOLoop, READ } from "../../src/index.ts";
import { Fds, fail, ignore, poke, testLoop } from "../support.ts";
import { report } from "../support-child.ts";
import { modeOf, runIn } from "../support-modes.ts";

const MANY = 3000;
const [, , scenario = "", modeName] = process.argv;
const mode = modeOf(modeName);
const storage = new AsyncLocalStorage<number>();
const { run, enterWith } = AsyncLocalStorage.prototype;

/** What a call sees: its store, and -1 without one. */
function seen(): number {
  return storage.getStore() ?? -1;
}

/** Whether both are Bun's own functions again. */
function originals(): number {
  const { prototype } = AsyncLocalStorage;
  return Number(prototype.run === run && prototype.enterWith === enterWith);
}

/** So many that looking for a context before each is given up. */
function addMany(loop: IOLoop): void {
  for (let count = 0; count < MANY; count++) {
    if (count % 2 === 0) loop.addCallback(ignore);
    else loop.removeTimeout(loop.callLater(60_000, ignore));
  }
}

type Figures = Record<string, number>;

const scenarios: Record<string, (loop: IOLoop) => Promise<Figures>> = {
  /** After many registrations without a context. */
  async "run late"(loop) {
    addMany(loop);
    const figures: Figures = {};
    const without = (): void => {
      figures["without"] = seen();
    };
    loop.addCallback(without);
    figures["result"] = storage.run(
      1,
      (a, b) => {
        loop.addCallback(() => {
          figures["callback"] = seen();
        });
        loop.callLater(1, () => {
          figures["timeout"] = seen();
        });
        return a + b + seen();
      },
      10,
      100,
    );
    figures["originals"] = originals();
    addMany(loop);
    storage.run(2, () => {
      loop.addCallback(() => {
        figures["second"] = seen();
      });
      loop.callLater(5, () => loop.stop());
    });
    await runIn(mode, loop);
    return figures;
  },

  async "enterWith late"(loop) {
    addMany(loop);
    const figures: Figures = {};
    loop.addCallback(() => {
      figures["without"] = seen();
    });
    // What it enters lasts as long as this microtask.
    await Promise.resolve().then(() => {
      storage.enterWith(1);
      figures["within"] = seen();
      loop.addCallback(() => {
        figures["callback"] = seen();
      });
    });
    figures["originals"] = originals();
    loop.callLater(5, () => loop.stop());
    await runIn(mode, loop);
    return figures;
  },

  /** A storage of a class of its own, whose run() ends in the one that everybody has. */
  async "a subclass late"(loop) {
    class Store extends AsyncLocalStorage<number> {
      override run<R>(store: number, callback: () => R): R;
      override run<R, Args extends unknown[]>(
        store: number,
        callback: (...args: Args) => R,
        ...args: Args
      ): R {
        return super.run(store + 1, callback, ...args);
      }
    }
    addMany(loop);
    const own = new Store();
    const figures: Figures = {};
    own.run(1, () => {
      loop.addCallback(() => {
        figures["callback"] = own.getStore() ?? -1;
        loop.stop();
      });
    });
    await runIn(mode, loop);
    return { ...figures, originals: originals() };
  },

  /** A context that began before the many, and is resumed after them. */
  async "suspended meanwhile"(loop) {
    const figures: Figures = {};
    const job = storage.run(1, async () => {
      await loop.sleep(2);
      figures["resumed"] = seen();
      loop.addCallback(() => {
        figures["callback"] = seen();
      });
      loop.callLater(1, () => {
        figures["timeout"] = seen();
        loop.stop();
      });
    });
    addMany(loop);
    await runIn(mode, loop);
    await job;
    return figures;
  },

  /** The first context of all is entered in the middle of a run. */
  async "entered by a call"(loop) {
    using fds = new Fds();
    const figures: Figures = {};
    const enter = (): void => storage.enterWith(1);
    const note = (name: string) => (): void => {
      figures[name] = seen();
    };
    loop.callLater(0, enter);
    loop.callLater(0, note("timeout"));
    loop.addCallback(enter);
    loop.addCallback(note("callback"));
    for (const call of [enter, note("handler"), enter, note("another handler")]) {
      const [reader, writer] = fds.pipe();
      poke(writer);
      loop.addHandler(reader, READ, () => {
        loop.removeHandler(reader);
        call();
      });
    }
    loop.callLater(5, () => {
      note("later timeout")();
      loop.stop();
    });
    await runIn(mode, loop);
    return figures;
  },

  /** The first context of all is the one that the loop is run in. */
  async "run within"(loop) {
    using fds = new Fds();
    const figures: Figures = {};
    const note = (name: string) => (): void => {
      figures[name] = seen();
    };
    const [reader, writer] = fds.pipe();
    poke(writer);
    loop.addHandler(reader, READ, () => {
      loop.removeHandler(reader);
      note("handler")();
    });
    loop.addCallback(note("callback"));
    loop.callLater(0, note("timeout"));
    const ref = loop.setInterval(1, () => {
      loop.clearInterval(ref);
      note("interval")();
      loop.stop();
    });
    await storage.run(1, () => runIn(mode, loop));
    return figures;
  },

  async "one pass within"(loop) {
    const figures: Figures = {};
    loop.addCallback(() => {
      figures["callback"] = seen();
    });
    storage.run(1, () => loop.runOnce(0));
    return figures;
  },
};

using loop = testLoop();
const play = scenarios[scenario] ?? fail(`there is no scenario ${scenario}`);
report(await play(loop));
