// Has the kernel refuse what a loop, its fd, its signals and its children need when they are opened.
import { IOLoop, READ } from "../../src/index.ts";
import { Fds, ignore, openFds, poke, run, testLoop } from "../support.ts";
import { isCaught } from "../support-caught-signals.ts";
import { errorOf, type Outcome, playScenarios, type Scenario, under } from "../support-faults.ts";

const scenarios: Record<string, Scenario> = {};

/** What `attempt` throws under a fault, and the fds that it has left by then. */
function refused(fault: string, attempt: () => unknown, loop?: IOLoop): Outcome {
  let left = 0;
  const { result, hits } = under([fault], () => {
    const before = openFds();
    const error = errorOf(attempt, loop);
    left = openFds() - before;
    return error;
  });
  return { error: result, hits, left };
}

/** A loop that was opened after the failure works. */
function works(): boolean {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  poke(writer);
  let events = 0;
  loop.addHandler(reader, READ, () => events++);
  return loop.runOnce(1000) === 1 && events === 1;
}

for (const fault of [
  "epoll_create1:error=EMFILE",
  "epoll_create1:error=ENFILE",
  "epoll_create1:error=ENOMEM",
  "eventfd2:error=EMFILE",
  "eventfd2:error=ENFILE",
  "eventfd2:error=ENOMEM",
  "epoll_ctl:error=ENOMEM",
  "epoll_ctl:error=ENOSPC",
]) {
  scenarios[`loop ${fault}`] = () => {
    return { ...refused(fault, () => new IOLoop()), works: works() };
  };
}

for (const fault of [
  "epoll_create1:error=EMFILE",
  "epoll_create1:error=ENOMEM",
  "epoll_ctl:error=ENOSPC",
  "epoll_ctl:error=ELOOP",
]) {
  scenarios[`loop.fd ${fault}`] = () => {
    using inner = testLoop();
    using outer = testLoop();
    using fds = new Fds();
    const [reader, writer] = fds.pipe();
    const outcome = refused(fault, () => inner.fd, inner);
    let events = 0;
    inner.addHandler(reader, READ, () => events++);
    outer.addHandler(inner.fd, READ, () => inner.runOnce(0));
    poke(writer);
    outer.runOnce(1000);
    return { ...outcome, events };
  };
}

for (const fault of [
  "pipe2:error=EMFILE:when=1",
  "pipe2:error=ENFILE:when=1",
  "epoll_ctl:error=ENOSPC:when=1",
  "rt_sigaction:error=EINVAL:when=1",
  "rt_sigaction:error=EINVAL:when=2",
]) {
  scenarios[`signal ${fault}`] = () => {
    using loop = testLoop();
    const signals: number[] = [];
    const add = (): unknown => loop.addSignalHandler("SIGUSR2", (signo) => signals.push(signo));
    const outcome = refused(fault, add, loop);
    const removed = loop.removeSignalHandler("SIGUSR2");
    // What was refused does not keep the action when another loop gives it back.
    const other = testLoop();
    other.addSignalHandler("SIGUSR2", ignore);
    other.removeSignalHandler("SIGUSR2");
    const caught = isCaught("SIGUSR2");
    other.close();
    add();
    for (let sent = 0; sent < 3; sent++) process.kill(process.pid, "SIGUSR2");
    loop.runOnce(1000);
    return { ...outcome, removed, caught, signals: signals.length };
  };
}

for (const fault of [
  "pidfd_open:error=EMFILE:when=1",
  "pidfd_open:error=ENFILE:when=1",
  "pidfd_open:error=ENOMEM:when=1",
  "pidfd_open:error=ENOSYS:when=1",
  "pidfd_open:error=ESRCH:when=1",
  "epoll_ctl:error=ENOSPC:when=1",
]) {
  scenarios[`child ${fault}`] = async () => {
    using loop = testLoop();
    const child = Bun.spawn(["true"]);
    const told: unknown[] = [];
    const add = (): unknown =>
      loop.addChildHandler(child.pid, (_pid, status) => {
        told.push(status);
        loop.stop();
      });
    const outcome = refused(fault, add, loop);
    const removed = loop.removeChildHandler(child.pid);
    add();
    run(loop);
    await child.exited;
    return { ...outcome, removed, told };
  };
}

for (const code of ["ECHILD", "EINVAL", "ENOSYS"]) {
  scenarios[`status ${code}`] = async () => {
    using loop = testLoop();
    const child = Bun.spawn(["sh", "-c", "exit 7"]);
    const told: unknown[] = [];
    loop.addChildHandler(child.pid, (_pid, status) => {
      told.push(status ?? "unknown");
      loop.stop();
    });
    const { hits } = under([`waitid:error=${code}:when=1`], () => run(loop));
    await child.exited;
    return { hits, told, removed: loop.removeChildHandler(child.pid) };
  };
}

// A waker takes no system call: there is nothing that could fail.
scenarios["waker"] = () => {
  using loop = testLoop();
  const { result, hits } = under(["eventfd2,pipe2,epoll_create1,epoll_ctl:error=EMFILE"], () => {
    let woken = 0;
    const waker = loop.waker(() => woken++);
    waker.wake();
    loop.runOnce(1000);
    waker.close();
    return woken;
  });
  return { woken: result, hits };
};

await playScenarios(scenarios);
