import { expect, test } from "bun:test";
import { constants } from "node:os";
import { WORD_BITS } from "../src/abi.ts";
import { READ, WRITE } from "../src/events.ts";
import type { Poller } from "../src/poller.ts";
import { Registrations } from "../src/registrations.ts";
import { Fds, fail, poke, testLoop, thrownBy, untyped } from "./support.ts";
import { forgetsClosed, lacks } from "./support-backend.ts";
import { FakeQueue, type FakeRecord, type OpenFile } from "./support-fake-queue.ts";
import { dup, dup2 } from "./support-libc.ts";
import { expectIOLoopError } from "./support-system.ts";
import { watch } from "./support-watch.ts";

const { EINVAL, ENOENT, ENOMEM } = constants.errno;
const FD = 7;

/** A queue that lets go of a registration before it takes the new one, as a kqueue does, and refuses WRITE. */
class RefusingQueue {
  readonly interface = { control: "kevent", refusedUpdateKeepsOld: false };
  watched = 0;
  outOfMemory = false;

  add(_fd: number, word: number): number {
    this.watched = 0;
    if (this.outOfMemory) return -ENOMEM;
    if ((word & WRITE) !== 0) return -EINVAL;
    this.watched = word & WORD_BITS;
    return 0;
  }

  update(fd: number, word: number): number {
    return this.add(fd, word);
  }
}

function watchRead(): { queue: RefusingQueue; registrations: Registrations } {
  const queue = new RefusingQueue();
  const registrations = new Registrations(untyped<Poller>(queue), () => fail("refused later on"));
  registrations.add(FD, READ);
  return { queue, registrations };
}

test("what the queue let go of for an update that it then refused is watched again", () => {
  const { queue, registrations } = watchRead();
  expectIOLoopError(
    thrownBy(() => registrations.update(FD, READ | WRITE)),
    "EINVAL",
  );
  expect(queue.watched).toBe(READ);
});

test("what the queue cannot watch again either is sent with the next update, also of the same mask", () => {
  const { queue, registrations } = watchRead();
  queue.outOfMemory = true;
  expectIOLoopError(
    thrownBy(() => registrations.update(FD, READ | WRITE)),
    "ENOMEM",
  );
  expect(queue.watched).toBe(0);
  queue.outOfMemory = false;
  registrations.update(FD, READ);
  expect(queue.watched).toBe(READ);
});

test("what the queue has forgotten and will not take anew is sent with the next update, also of the same mask", () => {
  let outcomes = [0];
  const queue = {
    interface: { control: "epoll_ctl", refusedUpdateKeepsOld: true },
    added: 0,
    add() {
      this.added++;
      return outcomes.shift() ?? 0;
    },
    update: () => outcomes.shift() ?? 0,
  };
  const registrations = new Registrations(untyped<Poller>(queue), () => fail("refused later on"));
  registrations.add(FD, READ);
  outcomes = [-ENOENT, -ENOMEM];
  expectIOLoopError(
    thrownBy(() => registrations.update(FD, WRITE)),
    "ENOMEM",
  );
  registrations.update(FD, READ);
  expect(queue.added).toBe(3);
});

test("what a closed file still tells under a paused number is dropped, also once that is resumed", () => {
  const queue = new FakeQueue("epoll");
  const registrations = new Registrations(untyped<Poller>(queue), () => fail("refused"));
  queue.open(FD);
  const file = queue.table.get(FD) as OpenFile;
  queue.share(file, true);
  registrations.add(FD, READ);
  queue.happen(file, READ);
  queue.close(FD);
  queue.open(FD);
  registrations.update(FD, 0);

  registrations.deferring = true;
  registrations.flush();
  const { fd, word } = queue.wait(1)[0] as FakeRecord;
  registrations.update(FD, READ);
  expect(registrations.deliverable(fd, word)).toBe(0);
  expect(registrations.dropped).toBe(1);
});

test.skipIf(forgetsClosed || lacks("sight of a close"))(
  "a closed file tells nothing to the handler that is resumed in the very batch",
  () => {
    using loop = testLoop();
    using fds = new Fds();
    const [first] = fds.pair();
    const [a, b] = fds.pair();
    fds.keep(dup(a));
    const seen = watch(loop, a, READ);
    loop.addHandler(first, WRITE, () => {
      loop.removeHandler(first);
      loop.updateHandler(a, READ);
    });
    poke(b);
    fds.close(a);
    const [quiet] = fds.pair();
    fds.keep(dup2(quiet, a));
    // Nobody can take the old file out of the kernel any more.
    loop.updateHandler(a, 0);
    loop.runOnce(0);
    expect(seen).toEqual([]);
  },
);
