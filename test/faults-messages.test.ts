import { expect, test } from "bun:test";
import { closeSync, existsSync, openSync } from "node:fs";
import { constants } from "node:os";
import { systemError } from "../src/errors.ts";
import type { IOLoop } from "../src/index.ts";
import * as io from "../src/io.ts";
import { ignore, testLoop, thrownBy } from "./support.ts";
import { lacks } from "./support-backend.ts";
import { expectIOLoopError } from "./support-system.ts";

/** What connections, listeners, files and kernels answer beside what every program has met. */
const CODES = [
  "EDQUOT",
  "EFBIG",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOSYS",
  "ETIMEDOUT",
] as const;

test.each(CODES)("the message of %s says what to do", (code) => {
  const { message } = systemError(constants.errno[code], "call", 7);
  expect(message).toStartWith(`call failed for fd 7 with ${code} `);
  expect(message).not.toContain("manual page");
});

const full = "/dev/full";
if (!existsSync(full)) console.log(`there is no ${full} here: a write to a full disk is skipped`);

test.skipIf(!existsSync(full))("a write to a full disk speaks of space, not of watched fds", () => {
  const fd = openSync(full, "w");
  try {
    const error = thrownBy(() => io.write(fd, new Uint8Array(1)));
    expectIOLoopError(error, "ENOSPC", /^write failed for fd \d+ /, /space/);
  } finally {
    closeSync(fd);
  }
});

const late = lacks("a close that is done on return");

test.skipIf(late)(
  "a signal handler of one loop too many speaks of loops, not of watched fds",
  () => {
    const loops: IOLoop[] = [];
    const addOneMore = (): void => {
      const loop = testLoop();
      loops.push(loop);
      loop.addSignalHandler("SIGUSR2", ignore);
    };
    try {
      const error = thrownBy(() => {
        for (let count = 0; count < 300; count++) addOneMore();
      });
      expectIOLoopError(error, "ENOSPC", /loops/);
      expect((error as Error).message).not.toContain("epoll");
    } finally {
      for (const loop of loops) loop.close();
    }
  },
);
