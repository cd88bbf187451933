// Has the system calls behind "bun-ioloop/io" fail, and notes what each function answers, and whether its work can be
// done afterwards.
import * as io from "../../src/io.ts";
import { Fds } from "../support.ts";
import { errorOf, playScenarios, type Scenario, under } from "../support-faults.ts";
import { dup2 } from "../support-libc.ts";

/** The fd that each function is called with. */
const FD = 700;

const buffer = new Uint8Array(16);
const text = new TextEncoder().encode("hello");

interface Subject {
  /** Opens what is needed, and gives it as `FD`; undefined where the call opens it itself. */
  readonly open?: (fds: Fds) => void;
  readonly call: () => unknown;
  readonly faults: readonly string[];
}

function give(fds: Fds, fd: number): void {
  fds.keep(dup2(fd, FD));
  fds.close(fd);
}

/** A stream with five bytes to read. */
function openStream(fds: Fds): void {
  const [a, b] = fds.pair();
  io.write(b, text);
  give(fds, a);
}

function openPipe(fds: Fds): void {
  give(fds, fds.pipe()[1]);
}

function openFilledPipe(fds: Fds): void {
  const [reader, writer] = fds.pipe();
  io.write(writer, text);
  give(fds, reader);
}

function openDatagrams(fds: Fds): void {
  const [a, b] = fds.pair("datagram");
  io.send(b, text);
  give(fds, a);
}

function openListener(fds: Fds): void {
  const listener = fds.keep(io.listen({ hostname: "127.0.0.1" }));
  fds.keep(io.connect({ port: io.localPort(listener) }));
  give(fds, listener);
}

/** Opens something, closes it again, and says that it could be had. */
function opened(open: () => number | readonly number[]): () => string {
  return () => {
    for (const fd of [open()].flat()) io.close(fd);
    return "opened";
  };
}

function failing(syscall: string, ...errors: readonly string[]): string[] {
  return errors.map((error) => `${syscall}:error=${error}`);
}

/** What Bun calls at any time as well. */
const MADE_BY_BUN = /^(read|write|close):/;

/** Three times in a row, and then no more. */
const INTERRUPTED = "EINTR:when=1..3";

const SUBJECTS: Readonly<Record<string, Subject>> = {
  read: {
    open: openStream,
    call: () => io.read(FD, buffer),
    faults: failing("recvfrom", INTERRUPTED, "EAGAIN", "EIO", "ENOMEM", "EPERM", "ENOSYS"),
  },
  "read from a pipe": {
    open: openFilledPipe,
    call: () => io.read(FD, buffer),
    faults: failing("read", INTERRUPTED, "EAGAIN", "EIO"),
  },
  write: {
    open: openStream,
    call: () => io.write(FD, text),
    faults: failing("sendto", INTERRUPTED, "EAGAIN", "ENOBUFS", "EPIPE"),
  },
  "write to a pipe": {
    open: openPipe,
    call: () => io.write(FD, text),
    faults: failing("write", INTERRUPTED, "EAGAIN", "EPIPE"),
  },
  receive: {
    open: openDatagrams,
    call: () => io.receive(FD, buffer, { hostname: "" } as io.Sender),
    faults: failing("recvfrom", INTERRUPTED, "EAGAIN", "ECONNREFUSED", "ENOTSOCK"),
  },
  send: {
    open: openDatagrams,
    call: () => io.send(FD, text),
    faults: failing("sendto", INTERRUPTED, "EAGAIN", "ENOBUFS", "EMSGSIZE"),
  },
  accept: {
    open: openListener,
    call: () => {
      const fd = io.accept(FD);
      if (fd >= 0) io.close(fd);
      return fd >= 0 ? "accepted" : fd;
    },
    faults: failing(
      "accept4",
      INTERRUPTED,
      "ECONNABORTED:when=1..3",
      "EPROTO:when=1..3",
      "EAGAIN",
      "EMFILE",
      "ENOBUFS",
    ),
  },
  connect: {
    call: opened(() => io.connect({ port: 9, type: "datagram" })),
    faults: [
      "socket:error=EMFILE",
      "connect:error=EINTR:when=1",
      "connect:error=EINPROGRESS",
      "connect:error=EAGAIN",
      "connect:error=ENETUNREACH",
    ],
  },
  "connect a stream": {
    call: opened(() => io.connect({ port: 9 })),
    faults: ["setsockopt:error=ENOMEM", "connect:error=ETIMEDOUT"],
  },
  listen: {
    call: opened(() => io.listen({ hostname: "127.0.0.1", reusePort: true })),
    faults: [
      "socket:error=ENFILE",
      "setsockopt:error=ENOBUFS:when=1",
      "setsockopt:error=ENOMEM:when=2",
      "setsockopt:error=EPERM:when=3",
      "bind:error=EADDRINUSE",
      "listen:error=EADDRINUSE",
    ],
  },
  socketpair: {
    call: opened(() => io.socketpair()),
    faults: ["socketpair:error=EMFILE"],
  },
  pipe: {
    call: opened(() => io.pipe()),
    faults: ["pipe2:error=EMFILE"],
  },
  close: {
    open: openPipe,
    call: () => io.close(FD),
    faults: ["close:error=EINTR:when=1", "close:error=EIO"],
  },
  shutdown: {
    open: openStream,
    call: () => io.shutdown(FD, "both"),
    faults: ["shutdown:error=ENOTCONN"],
  },
  setNonBlocking: {
    open: openStream,
    call: () => io.setNonBlocking(FD, false),
    faults: ["fcntl:error=EBADF:when=1", "fcntl:error=EPERM:when=2"],
  },
  localPort: {
    open: openListener,
    call: () => io.localPort(FD) > 0,
    faults: ["getsockname:error=ENOBUFS"],
  },
  socketError: {
    open: openListener,
    call: () => io.socketError(FD),
    faults: ["getsockopt:error=ENOBUFS"],
  },
};

const scenarios: Record<string, Scenario> = {};
for (const [name, { open, call, faults }] of Object.entries(SUBJECTS)) {
  for (const fault of faults) {
    scenarios[`${name}, ${fault}`] = () => {
      using fds = new Fds();
      open?.(fds);
      let answer: unknown;
      const attempt = (): void => {
        answer = call() ?? "done";
      };
      const only = MADE_BY_BUN.test(fault) ? FD : undefined;
      const { result, hits } = under([fault], () => errorOf(attempt), { only });
      const told = result === "none" ? answer : result;
      attempt();
      // Nothing is left to be closed at the end.
      if (name === "close") fds.keep(dup2(0, FD));
      return { told, hits, again: answer };
    };
  }
}

await playScenarios(scenarios);
