// Has the kernel refuse registrations, updates and removals, outside iterations and inside them.
import { type CallContext, EDGE, type IOLoop, READ, WRITE } from "../../src/index.ts";
import { drain, Fds, ignore, poke, testLoop } from "../support.ts";
import {
  described,
  errorOf,
  Faults,
  type Outcome,
  playScenarios,
  type Scenario,
  under,
} from "../support-faults.ts";
import { spins } from "../support-ghosts.ts";
import { dup, dup2 } from "../support-libc.ts";
import { MODES, type Mode, runIn } from "../support-modes.ts";
import { watch } from "../support-watch.ts";

/** The fd that the faults are about. */
const FD = 700;

const scenarios: Record<string, Scenario> = {};

/** `FD` as one end of a socket pair; returns the other one. */
function openFd(fds: Fds): number {
  const [a, b] = fds.pair();
  fds.keep(dup2(a, FD));
  fds.close(a);
  return b;
}

/** How often one byte is told to a handler for READ, over several passes. */
function heard(loop: IOLoop, peer: number): number {
  poke(peer);
  let count = 0;
  for (let pass = 0; pass < 4; pass++) {
    count += loop.runOnce(0);
    if (pass === 0) drain(FD);
  }
  return count;
}

for (const code of ["ENOMEM", "ENOSPC", "EPERM", "EBADF", "ELOOP", "EINVAL"]) {
  scenarios[`add ${code}`] = () => {
    using loop = testLoop();
    using fds = new Fds();
    const peer = openFd(fds);
    const refused = watchRefused(loop, code, 1);
    const unheard = heard(loop, peer);
    const removed = loop.removeHandler(FD);
    watch(loop, FD, READ);
    return { ...refused, unheard, removed, heard: heard(loop, peer) };
  };
}

function watchRefused(loop: IOLoop, code: string, when: number): Outcome {
  const { result, hits } = under([`epoll_ctl:error=${code}:when=${when}`], () =>
    errorOf(() => loop.addHandler(FD, READ, ignore), loop),
  );
  return { error: result, hits };
}

scenarios["add a duplicate that is back"] = () => {
  using loop = testLoop();
  using fds = new Fds();
  const peer = openFd(fds);
  watch(loop, FD, READ);
  // The kernel still has the entry of the closed number, so that its replacement is a second call.
  const keeper = fds.keep(dup(FD));
  fds.close(FD);
  loop.removeHandler(FD);
  fds.keep(dup2(keeper, FD));
  const refused = watchRefused(loop, "ENOMEM", 2);
  const seen = watch(loop, FD, READ);
  const count = heard(loop, peer);
  return { ...refused, heard: count, seen };
};

scenarios["add a pause"] = () => {
  using loop = testLoop();
  using fds = new Fds();
  const peer = openFd(fds);
  // What was added only for a look at the fd is not taken out again.
  const { result, hits } = under(["epoll_ctl:error=ENOMEM:when=2"], () =>
    errorOf(() => loop.addHandler(FD, 0, ignore), loop),
  );
  const unheard = heard(loop, peer);
  watch(loop, FD, READ);
  return { error: result, hits, unheard, heard: heard(loop, peer) };
};

for (const [name, wait] of Object.entries({
  readable: (loop: IOLoop) => loop.readable(FD),
  writable: (loop: IOLoop) => loop.writable(FD),
  events: async (loop: IOLoop) => (await loop.events(FD, WRITE).next()).value,
})) {
  scenarios[name] = async () => {
    using loop = testLoop();
    using fds = new Fds();
    poke(openFd(fds));
    const { result, hits } = under(["epoll_ctl:error=ENOSPC:when=1"], () => wait(loop));
    const error = await result.then(ignore, (reason) => described(reason, loop));
    // Nobody waits for it any more, so that it can be waited for.
    const told = loop.runUntil(() => wait(loop), { timeout: 4000 });
    return { error, hits, told };
  };
}

scenarios["second direction"] = async () => {
  using loop = testLoop();
  using fds = new Fds();
  poke(openFd(fds));
  const readable = loop.readable(FD);
  const { result, hits } = under(["epoll_ctl:error=ENOMEM:when=1"], () => loop.writable(FD));
  const error = await result.then(ignore, (reason) => described(reason, loop));
  const first = loop.runUntil(readable, { timeout: 4000 });
  return { error, hits, first, second: loop.runUntil(loop.writable(FD), { timeout: 4000 }) };
};

/** How a registration is changed, and which call of `updateHandler` the kernel refuses. */
const CHANGES: Readonly<Record<string, readonly [before: number, after: number]>> = {
  change: [READ, READ | WRITE],
  pause: [READ, 0],
  resume: [0, READ],
};

for (const [name, [before, after]] of Object.entries(CHANGES)) {
  scenarios[`${name} outside`] = () => {
    using loop = testLoop();
    using fds = new Fds();
    const peer = openFd(fds);
    const seen = watch(loop, FD, before);
    const { result, hits } = under(["epoll_ctl:error=ENOMEM:when=1"], () =>
      errorOf(() => loop.updateHandler(FD, after), loop),
    );
    heard(loop, peer);
    const seenBefore = seen.splice(0);
    loop.updateHandler(FD, after);
    heard(loop, peer);
    return { error: result, hits, seenBefore, seenAfter: [...new Set(seen)] };
  };

  for (const mode of MODES) {
    scenarios[`${name} in ${mode}`] = () => updatedInside(mode, before, after);
  }
}

async function updatedInside(mode: Mode, before: number, after: number): Promise<Outcome> {
  const reports: unknown[] = [];
  const onError = (error: unknown, context: CallContext): void => {
    reports.push({ error: described(error, loop), context, removed: !loop.removeHandler(FD) });
  };
  using loop = testLoop({ onError });
  using fds = new Fds();
  openFd(fds);
  const [other, otherPeer] = fds.pair();
  watch(loop, FD, before);
  let others = "";
  loop.addHandler(other, READ, () => {
    others += drain(other);
    loop.stop();
  });
  let faults: Faults | undefined;
  loop.addCallback(() => {
    loop.updateHandler(FD, after);
    // It is told to the kernel before the wait.
    faults = new Faults(["epoll_ctl:error=ENOMEM:when=1"]);
  });
  poke(otherPeer, "event");
  await runIn(mode, loop);
  faults?.[Symbol.dispose]();
  const seen = watch(loop, FD, WRITE);
  loop.runOnce(0);
  return { reports, hits: faults?.hits, others, seen };
}

/** The number names another file by now, which the kernel has not heard of, and will not. */
scenarios["change under a new file"] = () => {
  using loop = testLoop();
  using fds = new Fds();
  openFd(fds);
  const seen = watch(loop, FD, READ);
  fds.close(FD);
  const peer = openFd(fds);
  const { result, hits } = under(["epoll_ctl:error=ENOSPC:when=2"], () =>
    errorOf(() => loop.updateHandler(FD, READ | WRITE), loop),
  );
  const unheard = heard(loop, peer);
  loop.updateHandler(FD, READ | EDGE);
  return { error: result, hits, unheard, heard: heard(loop, peer), seen };
};

/** What awaits an fd with another one, whose end is a change that the kernel refuses. */
scenarios["the other direction is over"] = async () => {
  const reports: unknown[] = [];
  using loop = testLoop({ onError: (error) => reports.push(described(error, loop)) });
  using fds = new Fds();
  const peer = openFd(fds);
  const writable = loop.writable(FD);
  const readable = loop.readable(FD);
  let faults: Faults | undefined;
  loop.addCallback(() => {
    faults = new Faults(["epoll_ctl:error=ENOMEM:when=1"]);
  });
  const first = loop.runUntil(writable, { timeout: 4000 });
  faults?.[Symbol.dispose]();
  const second = await readable.then(ignore, (reason) => described(reason, loop));
  poke(peer);
  const again = loop.runUntil(loop.readable(FD), { timeout: 4000 });
  return { first, hits: faults?.hits, second, reports, again };
};

/** Two updates within one iteration, the first of which the kernel hears of is refused. */
scenarios["one of two"] = () => {
  const reports: unknown[] = [];
  using loop = testLoop({ onError: (_error, context) => reports.push(context) });
  using fds = new Fds();
  const pair = fds.pair().map((fd, index) => fds.keep(dup2(fd, FD + index)));
  const seen = pair.map((fd) => watch(loop, fd, READ));
  loop.addCallback(() => {
    for (const fd of pair) loop.updateHandler(fd, WRITE);
  });
  const { hits } = under(["epoll_ctl:error=ENOSPC:when=1"], () => loop.runOnce(0));
  // Their order is nobody's business.
  return { reports: reports.length, hits, seen: seen.map((told) => told.length).toSorted() };
};

/** What is updated by the last handler of a run is told to the kernel behind it. */
scenarios["after the last handler"] = () => {
  const reports: unknown[] = [];
  using loop = testLoop({ onError: (_error, context) => reports.push(context) });
  using fds = new Fds();
  const peer = openFd(fds);
  let faults: Faults | undefined;
  loop.addHandler(FD, READ, () => {
    loop.updateHandler(FD, READ | WRITE);
    faults = new Faults(["epoll_ctl:error=ENOMEM:when=1"]);
  });
  poke(peer);
  loop.runOnce(1000);
  faults?.[Symbol.dispose]();
  return { reports, hits: faults?.hits, removed: !loop.removeHandler(FD) };
};

for (const code of ["ENOMEM", "EINVAL"]) {
  scenarios[`remove ${code}`] = () => {
    using loop = testLoop();
    using fds = new Fds();
    const peer = openFd(fds);
    const [other, otherPeer] = fds.pair();
    const seen = watch(loop, FD, READ);
    const seenOther = watch(loop, other, READ);
    poke(peer);
    const { result, hits } = under([`epoll_ctl:error=${code}:when=1`], () => {
      return loop.removeHandler(FD);
    });
    // The kernel goes on telling of it, until the loop has its queue made anew.
    const spinning = spins(loop);
    const again = watch(loop, FD, READ);
    poke(otherPeer);
    loop.runOnce(0);
    return { removed: result, hits, seen, spins: spinning, again, seenOther };
  };

  scenarios[`remove ${code} and add again`] = () => {
    using loop = testLoop();
    using fds = new Fds();
    const peer = openFd(fds);
    const seen = watch(loop, FD, READ);
    const { hits } = under([`epoll_ctl:error=${code}:when=1`], () => loop.removeHandler(FD));
    const again = watch(loop, FD, READ);
    heard(loop, peer);
    return { hits, seen, again };
  };
}

await playScenarios(scenarios);
