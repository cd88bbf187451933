import { expect, test } from "bun:test";
import { constants } from "node:os";
import { WORD_BITS } from "../src/abi.ts";
import { READ, WRITE } from "../src/events.ts";
import type { Poller } from "../src/poller.ts";
import { Registrations } from "../src/registrations.ts";
import { fail, thrownBy, untyped } from "./support.ts";
import { expectIOLoopError } from "./support-system.ts";

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
