import { expect, test } from "bun:test";
import { kqueue } from "./support-backend.ts";
import { expectError, Played } from "./support-fault-outcomes.ts";

const notHere = kqueue
  ? "the filter is for what epoll's library maps, and this is kqueue"
  : undefined;
const played = await Played.by("fault-memory.ts", notHere);

test.skipIf(played.reason !== undefined)(
  "without memory new IOLoop() throws ENOMEM and leaves no fd, and a hosted loop has a thread for its ring",
  () => {
    const { error, ...rest } = played.of("memory");
    expectError(error, { code: "ENOMEM", syscall: "epoll_create1", advice: /out of memory/ });
    expect(rest).toEqual({ left: 0, events: 1, ring: false });
  },
);
