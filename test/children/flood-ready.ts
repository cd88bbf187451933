// Runs a loop on more ready fds than it takes at once, all of them always ready: flood-ready.ts <pairs> <maxEvents>
import { IOLoop, WRITE } from "../../src/index.ts";
import * as io from "../../src/io.ts";
import { report } from "../support-child.ts";

const ROUNDS = 3;

const [pairs = 0, maxEvents = 0] = process.argv.slice(2).map(Number);
using loop = new IOLoop({ maxEvents });
const calls = new Int32Array(2 * pairs);
let index = 0;
for (let pair = 0; pair < pairs; pair++) {
  for (const fd of io.socketpair()) {
    const own = index++;
    loop.addHandler(fd, WRITE, () => {
      calls[own] = (calls[own] ?? 0) + 1;
    });
  }
}

const fewestPasses = Math.ceil(calls.length / maxEvents);
let passes = 0;
let unserved = 0;
let unfair = 0;
// A callback comes before the wait of its pass.
loop.addCallback(function look() {
  if (passes === fewestPasses) unserved = calls.filter((count) => count === 0).length;
  if (Math.max(...calls) - Math.min(...calls) > 1) unfair++;
  if (passes === ROUNDS * fewestPasses) {
    loop.close();
    return;
  }
  passes++;
  loop.addCallback(look);
});
loop.start();
const called = calls.reduce((sum, count) => sum + count, 0);
report({ ready: calls.length, fewestPasses, unserved, unfair, called });
