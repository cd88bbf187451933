// The same as the loop's lateness.ts, by setTimeout, for Node and Bun. Usage: lateness.mjs DELAY COUNT
import { numbers, report } from "../measure.mjs";

const [delayUs, count] = numbers();
const lateUs = [];
let began = 0;

function next() {
  began = performance.now();
  setTimeout(late, delayUs / 1000);
}

function late() {
  lateUs.push((performance.now() - began) * 1000 - delayUs);
  if (lateUs.length < count) next();
  else report({ lateUs });
}

next();
