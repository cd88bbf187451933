// Has the kernel refuse the queue that a loop makes anew to be rid of a ghost, or what is to be watched by it.
import { type CallContext, EDGE, ONESHOT, READ, WRITE } from "../../src/index.ts";
import { drain, Fds, poke, testLoop } from "../support.ts";
import { described, Faults, playScenarios, type Scenario } from "../support-faults.ts";
import { makeGhost, PASSES, spins } from "../support-ghosts.ts";
import { queueOf } from "../support-inside.ts";
import { dup2 } from "../support-libc.ts";
import { watch } from "../support-watch.ts";

/** The watched fds; the kernel hears of them in this order when the queue is made anew. */
const FIRST_FD = 700;
const EDGE_FD = 710;
const MASKS = [READ, READ | EDGE, READ | ONESHOT, 0];

/** What has the remaking fail: each as many times as it is tried before it works. */
const FAULTS: Readonly<Record<string, string>> = {
  "no queue": "epoll_create1:error=EMFILE:when=1..2",
  "no queue in the system": "epoll_create1:error=ENFILE:when=1",
  "no memory for a queue": "epoll_create1:error=ENOMEM:when=1..2",
  "no wake": "epoll_ctl:error=ENOSPC:when=1",
  "no place in the exposed queue": "epoll_ctl:error=ENOMEM:when=2",
  "no lasting place in the exposed queue": "epoll_ctl:error=ENOSPC:when=4",
  "no exchange": "dup3:error=EBUSY:when=1..2",
  "an interrupted exchange": "dup3:error=EINTR:when=1",
  "the first handler is refused": "epoll_ctl:error=ENOSPC:when=6",
  "a handler is refused": "epoll_ctl:error=ENOMEM:when=7",
  "all handlers are refused": "epoll_ctl:error=ENOSPC:when=6+",
};

const scenarios: Record<string, Scenario> = {};
for (const [name, fault] of Object.entries(FAULTS)) {
  scenarios[name] = () => {
    const reports: unknown[] = [];
    const onError = (error: unknown, context: CallContext): void => {
      reports.push({ error: described(error), context });
    };
    using loop = testLoop({ onError });
    using outer = testLoop();
    using fds = new Fds();
    const told: number[] = MASKS.map(() => 0);
    const peers = MASKS.map((mask, index) => {
      const [a, b] = fds.pair();
      const fd = fds.keep(dup2(a, FIRST_FD + index));
      fds.close(a);
      loop.addHandler(fd, mask, () => {
        told[index] = (told[index] as number) + drain(fd).length;
      });
      return b;
    });
    // It is told once, and once more by the new queue.
    const [edge] = fds.pair();
    fds.keep(dup2(edge, EDGE_FD));
    const edges = watch(loop, EDGE_FD, WRITE | EDGE);
    let woken = 0;
    const waker = loop.waker(() => woken++);
    const exposed = loop.fd;
    let outside = 0;
    outer.addHandler(exposed, READ, () => {
      outside++;
      loop.runOnce(0);
    });
    const queue = queueOf(loop);
    makeGhost(loop, fds);

    const faults = new Faults([fault]);
    try {
      for (let pass = 0; pass < 2 * PASSES; pass++) loop.runOnce(0);
      waker.wake();
      for (const peer of peers) poke(peer);
      loop.runOnce(0);
    } finally {
      faults[Symbol.dispose]();
    }
    const toldFirst = told.splice(0, MASKS.length, ...MASKS.map(() => 0));

    // The ghost is over, and everything is as before.
    const spinning = spins(loop);
    const kept = MASKS.map((_, index) => {
      const there = loop.removeHandler(FIRST_FD + index);
      const fd = FIRST_FD + index;
      loop.addHandler(fd, READ, () => {
        told[index] = (told[index] as number) + drain(fd).length;
      });
      return there;
    });
    for (const [index, peer] of peers.entries()) {
      drain(FIRST_FD + index);
      poke(peer);
    }
    waker.wake();
    outer.runOnce(1000);
    return {
      hits: faults.hits,
      reports,
      edges: edges.length,
      toldFirst,
      kept,
      spins: spinning,
      told,
      woken,
      outside,
      sameQueue: queue === queueOf(loop) && exposed === loop.fd,
    };
  };
}

await playScenarios(scenarios);
