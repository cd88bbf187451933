// For `bun test`, whose `resolves` waits for a promise in the middle of a call, and turns Bun's loop meanwhile: what
// happens to a hosted loop whose own turn that call belongs to. The runner itself goes on there as well, so that each
// test needs a process of its own.
import { expect, test } from "bun:test";
import { IOLoop, READ } from "../../src/index.ts";
import * as io from "../../src/io.ts";

const ASLEEP_MS = 20;
/** The turns, the outer ones too, are over by then. */
const OVER_MS = 200;

function turnBun(): void {
  expect(Bun.sleep(ASLEEP_MS).then(() => "slept")).resolves.toBe("slept");
}

/** A loop that sleeps, and whose fd becomes ready in a call that turns Bun's loop. */
async function nest(handler: (loop: IOLoop) => void): Promise<string[]> {
  const log: string[] = [];
  const loop = new IOLoop();
  const [reader, writer] = io.pipe();
  loop.addHandler(reader, READ, () => {
    io.read(reader, new Uint8Array(9));
    log.push("handler");
    handler(loop);
  });
  loop.run().then(
    () => log.push("resolved"),
    (error) => log.push(`rejected: ${error}`),
  );
  await Bun.sleep(ASLEEP_MS);
  loop.addCallback(() => {
    log.push("begin");
    io.write(writer, new Uint8Array(1));
    turnBun();
    log.push("end");
  });
  await Bun.sleep(OVER_MS);
  loop.close();
  return log;
}

test("turn", async () => {
  const log = await nest((loop) => loop.callLater(5, () => loop.stop()));
  expect(log).toEqual(["begin", "end", "handler", "resolved"]);
});

test("stop", async () => {
  const log = await nest((loop) => loop.stop());
  expect(log).toEqual(["begin", "end", "handler", "resolved"]);
});

test("close", async () => {
  const log: string[] = [];
  const loop = new IOLoop();
  loop.addCallback(() => {
    setTimeout(() => loop.close(), 1);
    turnBun();
    log.push("end");
  });
  loop.addCallback(() => log.push("not reached"));
  loop.run().then(
    () => log.push("resolved"),
    (error) => log.push(`rejected: ${error}`),
  );
  await Bun.sleep(OVER_MS);
  expect(log).toEqual(["end", "resolved"]);
});
