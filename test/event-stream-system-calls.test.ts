import { beforeAll, describe, expect, test } from "bun:test";
import { systemCallsOf, whyUntraceable } from "./support-trace.ts";

const reason = whyUntraceable();
if (reason !== undefined) console.warn(`the system calls of streams are not counted: ${reason}`);

describe.skipIf(reason !== undefined)("the kernel is called", () => {
  const FIRST_FD = 700;
  const CASES = [
    {
      name: "not at all for a consumer who asks again within the iteration",
      // It is added paused, which takes a look at the fd, and is then asked for the first time.
      script: "await take(READ, 50, () => {})",
      expected: ["ADD", "DEL", "ADD", "DEL"],
    },
    {
      name: "for a pause and its end where the consumer takes longer",
      script: "await take(READ, 2, () => loop.sleep(1))",
      expected: ["ADD", "DEL", "ADD", "DEL", "ADD", "DEL"],
    },
    {
      name: "only at the begin and the end with EDGE",
      script: "await take(READ | EDGE, 1, () => loop.sleep(1))",
      expected: ["ADD", "DEL"],
    },
    {
      name: "once per question with ONESHOT",
      script: "await take(READ | ONESHOT, 3, () => {})",
      expected: ["ADD", "DEL", "ADD", "MOD", "MOD", "DEL"],
    },
  ];
  const calls = new Map<number, string[]>();

  beforeAll(() => {
    const script = `
      import { EDGE, IOLoop, ONESHOT, READ } from ${JSON.stringify(`${import.meta.dir}/../src/index.ts`)};
      import { pipe, write } from ${JSON.stringify(`${import.meta.dir}/../src/io.ts`)};
      import { dup2 } from ${JSON.stringify(`${import.meta.dir}/support-libc.ts`)};
      const loop = new IOLoop();
      let fd = -1;
      function open(number) {
        const [reader, writer] = pipe();
        write(writer, new Uint8Array(1));
        fd = dup2(reader, number);
      }
      async function take(mask, count, body) {
        for await (const _ of loop.events(fd, mask)) {
          await body();
          if (--count === 0) break;
        }
      }
      loop.runUntil(async () => {
        ${CASES.map((one, index) => `open(${FIRST_FD + index}); ${one.script};`).join("\n")}
      }, { timeout: 4000 });
    `;
    const traced = systemCallsOf(script, ["epoll_ctl"]);
    for (const [, operation, fd] of traced.matchAll(/epoll_ctl\(\d+, EPOLL_CTL_(\w+), (\d+)/g)) {
      calls.set(Number(fd), [...(calls.get(Number(fd)) ?? []), String(operation)]);
    }
  }, 20_000);

  for (const [index, { name, expected }] of CASES.entries()) {
    test(name, () => {
      expect(calls.get(FIRST_FD + index)).toEqual(expected);
    });
  }
});
