import { expect, test } from "bun:test";
import { READ } from "../src/index.ts";
import { Fds, poke, run, testLoop } from "./support.ts";

test("a timeout that adds itself again without a delay starves neither fds nor callbacks", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  const runs = { timeout: 0, callback: 0, interval: 0, handler: 0 };
  const again = (): void => {
    runs.timeout++;
    loop.callLater(0, again);
  };
  const callAgain = (): void => {
    runs.callback++;
    loop.addCallback(callAgain);
  };
  loop.callLater(0, again);
  loop.addCallback(callAgain);
  loop.setInterval(0.000_001, () => runs.interval++);
  loop.addHandler(reader, READ, () => {
    if (++runs.handler === 50) loop.stop();
  });
  run(loop);
  expect(runs).toEqual({ timeout: 50, callback: 50, interval: 50, handler: 50 });
});

test("many timeouts at once do not run again before the fds had their turn", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  let timeouts = 0;
  const again = (): void => {
    timeouts++;
    loop.callLater(-1, again);
    loop.callAt(0, () => timeouts++);
  };
  for (let count = 0; count < 10; count++) loop.callLater(0, again);
  let seen = 0;
  loop.addHandler(reader, READ, () => {
    seen = timeouts;
  });
  loop.runOnce(0);
  expect(seen).toBe(10);
  loop.runOnce(0);
  expect(seen).toBe(30);
});

test("a due timeout and a ready fd in one turn both run", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const ran: string[] = [];
  loop.addHandler(reader, READ, () => ran.push("handler"));
  loop.callLater(0, () => ran.push("timeout"));
  poke(writer);
  expect(loop.runOnce(0)).toBe(1);
  expect(ran).toEqual(["timeout", "handler"]);
});

test("a timeout that comes due while handlers run is not lost", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const ran: string[] = [];
  poke(writer);
  loop.addHandler(reader, READ, () => {
    ran.push("handler");
    loop.removeHandler(reader);
    loop.callLater(0, () => {
      ran.push("timeout");
      loop.stop();
    });
  });
  run(loop);
  expect(ran).toEqual(["handler", "timeout"]);
});
