import { type IOLoop, IOLoopError, READ } from "../src/index.ts";
import { ignore, thrownBy } from "./support.ts";
import { check } from "./support-model-check.ts";
import type { ModelFile } from "./support-model-file.ts";

type Attempt = (loop: IOLoop, file: ModelFile) => unknown;

/** What adds or runs. */
const REFUSED: readonly Attempt[] = [
  (loop, { near }) => loop.addHandler(near, READ, ignore),
  (loop, { near }) => loop.updateHandler(near, READ),
  (loop) => loop.addCallback(ignore),
  (loop) => loop.addTimeout(Date.now(), ignore),
  (loop) => loop.callLater(0, ignore),
  (loop) => loop.callAt(0, ignore),
  (loop) => loop.setInterval(1, ignore),
  (loop) => loop.waker(ignore),
  (loop) => loop.events(0, READ),
  (loop) => loop.start(),
  (loop) => loop.runOnce(0),
  (loop) => loop.runUntil(() => 0),
];

/** Everything that may be asked of a closed loop, but of what it refuses with an error only one thing: that is slow. */
export function checkClosed(loop: IOLoop, file: ModelFile, which: number): void {
  const error = thrownBy(() => REFUSED[which % REFUSED.length]?.(loop, file));
  check(error instanceof IOLoopError && error.code === "ERR_LOOP_CLOSED", String(error));
  if (which % 2 === 0) loop.stop();
  loop.close();
  check(loop.closed && loop.fd === -1, "closed and fd tell of close()");
  check(loop.pollTimeout() === Number.POSITIVE_INFINITY, "a closed loop has nothing to do");
  const removed = [
    loop.removeHandler(file.near),
    loop.removeTimeout(1),
    loop.clearInterval(2),
    loop.removeSignalHandler("SIGUSR2"),
    loop.removeChildHandler(1),
  ];
  check(!removed.includes(true), "what removes answers false after close()");
}
