// COUNT calls by setImmediate, each asking for the next (MODE 0), or in bulk (1), for Node and Bun.
// Usage: callbacks.mjs MODE COUNT
import { cpuNs, numbers, report, wallNs } from "../measure.mjs";

const BULK = 10_000;
const [mode, count] = numbers();

function round(calls) {
  return new Promise((resolve) => {
    let left = calls;
    const chain = () => {
      if (--left === 0) resolve();
      else setImmediate(chain);
    };
    const one = () => {
      if (--left === 0) resolve();
      else if (left % BULK === 0) addMany();
    };
    const addMany = () => {
      for (let index = 0; index < BULK; index++) setImmediate(one);
    };
    if (mode === 0) setImmediate(chain);
    else addMany();
  });
}

// As many before, for the engine to compile what is called.
await round(count);
const cpuBefore = cpuNs();
const wallBefore = wallNs();
await round(count);
report({ cpuNs: (cpuNs() - cpuBefore) / count, wallNs: (wallNs() - wallBefore) / count });
