// Ends, or stays, with a hosted loop that would run for an hour: hosted-end.ts <how>
import { IOLoop, READ, WRITE } from "../../src/index.ts";
import * as io from "../../src/io.ts";

const HOUR_MS = 3_600_000;
/** The loop sleeps by then. */
const ASLEEP_MS = 50;

const loop = new IOLoop({
  onError(error) {
    throw error;
  },
});
const [reader] = io.pipe();
loop.addHandler(reader, READ, () => {});
loop.callLater(HOUR_MS, () => {});

/** Ends the run later on: a process that is not kept alive is gone by then. */
function stopLater(): void {
  loop.callLater(5 * ASLEEP_MS, () => {
    console.log("stayed");
    loop.stop();
  });
}

function run(): void {
  loop.run().then(() => console.log("resolved"));
}

function leave(): never {
  throw new Error("uncaught");
}

const WAYS: Readonly<Record<string, () => unknown>> = {
  "kept by default"() {
    stopLater();
    run();
  },
  "ref before"() {
    loop.unref().ref();
    stopLater();
    run();
  },
  "ref right after run"() {
    loop.unref();
    stopLater();
    run();
    loop.ref();
  },
  "ref while asleep"() {
    loop.unref();
    stopLater();
    run();
    setTimeout(() => loop.ref(), ASLEEP_MS);
  },
  "ref for the next run"() {
    loop.unref();
    loop.stop();
    loop.run().then(() => {
      loop.ref();
      stopLater();
      run();
    });
    setTimeout(() => {}, ASLEEP_MS);
  },
  "unref before"() {
    loop.unref();
    run();
  },
  "unref right after run"() {
    run();
    loop.unref();
  },
  "unref while asleep"() {
    run();
    setTimeout(() => loop.unref(), ASLEEP_MS);
  },
  "unref in a turn"() {
    loop.callLater(ASLEEP_MS, () => loop.unref());
    run();
  },
  "unref of a busy loop"() {
    loop.addHandler(io.socketpair()[0], WRITE, () => {});
    loop.unref();
    run();
  },
  "unref of a loop that becomes busy"() {
    loop.unref();
    run();
    setTimeout(() => loop.addHandler(io.socketpair()[0], WRITE, () => {}), ASLEEP_MS);
  },
  "unref of a busy loop while it runs"() {
    loop.addHandler(io.socketpair()[0], WRITE, () => {});
    run();
    setTimeout(() => loop.unref(), ASLEEP_MS);
  },
  "unref beside Bun's timer"() {
    loop.unref();
    const beat = loop.setInterval(1, () => {
      loop.clearInterval(beat);
      console.log("beat");
    });
    run();
    setTimeout(() => console.log("timer"), 2 * ASLEEP_MS);
  },
  stop() {
    run();
    setTimeout(() => loop.stop(), ASLEEP_MS);
  },
  close() {
    run();
    setTimeout(() => loop.close(), ASLEEP_MS);
  },
  "exit from Bun"() {
    run();
    setTimeout(() => process.exit(7), ASLEEP_MS);
  },
  "exit in a turn"() {
    loop.callLater(ASLEEP_MS, () => process.exit(7));
    run();
  },
  "exit right after run"() {
    run();
    process.exit(7);
  },
  "exit of a busy loop"() {
    loop.addHandler(io.socketpair()[0], WRITE, () => {});
    run();
    setTimeout(() => process.exit(7), ASLEEP_MS);
  },
  "uncaught exception"() {
    run();
    setTimeout(leave, ASLEEP_MS);
  },
  "unhandled rejection"() {
    run();
    setTimeout(async () => leave(), ASLEEP_MS);
  },
  "run() rejected"() {
    loop.callLater(ASLEEP_MS, leave);
    run();
  },
  killed() {
    run();
    setTimeout(() => process.kill(process.pid, "SIGTERM"), ASLEEP_MS);
  },
};

WAYS[process.argv[2] ?? ""]?.();
