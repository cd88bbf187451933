import { beforeAll, describe, expect, test } from "bun:test";
import { whyUntraceable } from "./support-trace.ts";

const reason = whyUntraceable();
if (reason !== undefined) console.warn(`system calls are not counted: ${reason}`);

/** Each case has an fd number of its own, by which the trace tells them apart. */
const FIRST_FD = 700;
const CASES = [
  {
    name: "not at all for a mask that is toggled back and forth within iterations",
    script: "watch(READ); within(READ | WRITE, READ); within(0, READ); within(WRITE, 0, READ)",
    expected: ["ADD"],
  },
  {
    name: "not at all for the same mask, inside or outside an iteration",
    script: "watch(READ); loop.updateHandler(fd, READ); within(READ); within(READ, READ)",
    expected: ["ADD"],
  },
  {
    name: "once for the net result of many updates",
    script: "watch(READ); within(0, READ, WRITE, READ | WRITE)",
    expected: ["ADD", "MOD"],
  },
  {
    name: "once for a pause, and once for its end",
    script: "watch(READ); within(0); within(READ)",
    expected: ["ADD", "DEL", "ADD"],
  },
  {
    name: "once per iteration to arm EDGE again",
    script: "watch(READ | EDGE); within(READ | EDGE, READ | EDGE); within(READ | EDGE)",
    expected: ["ADD", "MOD", "MOD"],
  },
  {
    name: "only to check an fd that is added paused",
    script: "watch(0); within(READ, 0); loop.updateHandler(fd, 0); loop.removeHandler(fd)",
    expected: ["ADD", "DEL"],
  },
  {
    name: "only to check an fd that is added with a mode and no interest",
    script: "watch(EDGE); within(EDGE); loop.removeHandler(fd)",
    expected: ["ADD", "DEL"],
  },
  {
    name: "for a removal also after the table has grown",
    script: "watch(READ); loop.addHandler(dup2(fd, 5000), READ, () => {}); loop.removeHandler(fd)",
    expected: ["ADD", "DEL"],
  },
  {
    name: "once for a removal, whatever was toggled before",
    script: "watch(READ); within(WRITE, READ); loop.removeHandler(fd); loop.removeHandler(fd)",
    expected: ["ADD", "DEL"],
  },
];

const calls = new Map<number, string[]>();

beforeAll(() => {
  if (reason !== undefined) return;
  const script = `
    import { EDGE, IOLoop, READ, WRITE } from ${JSON.stringify(`${import.meta.dir}/../src/index.ts`)};
    import { pipe } from ${JSON.stringify(`${import.meta.dir}/../src/io.ts`)};
    import { dup2 } from ${JSON.stringify(`${import.meta.dir}/support-libc.ts`)};
    const loop = new IOLoop();
    let fd = -1;
    function watch(mask) { loop.addHandler(fd, mask, () => {}); }
    function within(...masks) {
      loop.addCallback(() => { for (const mask of masks) loop.updateHandler(fd, mask); });
      loop.runOnce(0);
    }
    ${CASES.map((one, index) => `fd = dup2(pipe()[0], ${FIRST_FD + index}); ${one.script};`).join("\n")}
  `;
  const strace = ["strace", "-f", "-qq", "-e", "trace=epoll_ctl", "-e", "signal=none"];
  const command = [...strace, process.execPath, "-e", script];
  const { exitCode, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  const traced = stderr.toString();
  if (exitCode !== 0) throw new Error(traced);
  for (const [, operation, fd] of traced.matchAll(/epoll_ctl\(\d+, EPOLL_CTL_(\w+), (\d+)/g)) {
    calls.set(Number(fd), [...(calls.get(Number(fd)) ?? []), String(operation)]);
  }
});

describe.skipIf(reason !== undefined)("the kernel is called", () => {
  for (const [index, { name, expected }] of CASES.entries()) {
    test(name, () => {
      expect(calls.get(FIRST_FD + index)).toEqual(expected);
    });
  }
});
