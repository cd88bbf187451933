import { BACKEND_KQUEUE } from "../src/abi.ts";
import { PRI, READ, WRITE } from "../src/events.ts";
import { native } from "../src/native.ts";
import { FAILED, HUNG_UP } from "./support-events.ts";

/** Whether kqueue waits, not epoll: on macOS, and on Linux over libkqueue. */
export const kqueue = native().ioloop_backend() === BACKEND_KQUEUE;
const overLibkqueue = kqueue && process.platform === "linux";
const inKernel = kqueue && !overLibkqueue;

/**
 * What libkqueue lacks of a kernel's kqueue, or does otherwise, and why. It lends the tests a kqueue on
 * Linux; no user of the package meets it.
 */
const GAPS = {
  "a queue that can be watched": "the number of its queue is an end of a pipe, which tells nothing",
  "urgent data": "it has no filter for it",
  "a turn for each filter":
    "READ comes before WRITE each time, which never fits where there is room for one",
  "pending errors": "it reads SO_ERROR itself to say which error it is, and the program finds none",
  "an error without a hang-up": "it tells every error as the end of the file",
  "sight of a close":
    "a closed fd whose open file lives on goes on in its inner epoll, and waits return at once",
  "EBADF for a closed queue": "it knows its queues by a table of its own, and answers ENOENT",
  "EMFILE from kqueue()": "its own refusals come as EBADF",
  "a close that is done on return": "a thread of its own closes the fds behind a queue later",
} as const;

const told = new Set<string>();

/** Whether this is libkqueue, which lacks what a test needs. Each lack is printed once. */
export function lacks(ability: keyof typeof GAPS): boolean {
  if (overLibkqueue && !told.has(ability)) {
    told.add(ability);
    console.warn(`libkqueue lacks ${ability}: ${GAPS[ability]}`);
  }
  return overLibkqueue;
}

// The rest is the nature of the interfaces themselves: a program on macOS finds it too.

export const BACKEND = kqueue ? "kqueue" : "epoll";
/** The system call that takes a registration. */
export const CONTROL = kqueue ? "kevent" : "epoll_ctl";
/** What the kernel says to queues that watch each other. */
export const CYCLE = kqueue ? "EINVAL" : "ELOOP";
/** A queue, and with epoll another fd for its wake. */
export const FDS_PER_LOOP = kqueue ? 1 : 2;

/**
 * Whether a socket whose peer has closed is a hang-up to a handler for `mask`: kqueue's filter for READ cannot
 * tell a whole close from a half one, the one for WRITE can, and errors alone are watched by both.
 */
export function hearsHangUp(mask: number): boolean {
  return !kqueue || (mask & WRITE) !== 0 || (mask & READ) === 0;
}

/** What a handler for READ hears of such a socket. */
export const PEER_CLOSED = hearsHangUp(READ) ? READ | HUNG_UP : READ;
/** Which interest is told as long as it lasts. kqueue's filter for urgent data is no such: PRI alone is told once. */
export const LASTING = kqueue ? READ | WRITE : READ | PRI | WRITE;
/** What comes beside READ with an ICMP error: to kqueue it is data, until the error is found by receiving. */
export const ICMP_ERROR = icmpError();
/**
 * Whether a registration ends with the number, though its open file lives on elsewhere. Then there are no
 * ghosts, and a duplicate that takes the number back is not watched.
 */
export const forgetsClosed = kqueue && !lacks("sight of a close");
if (forgetsClosed)
  console.warn("kqueue forgets what is closed: tests of what lives on are skipped");

/** What a handler for errors alone hears of a socket whose writing the program itself has ended, like the peer's. */
export const OWN_SHUTDOWN: readonly number[] = inKernel ? [HUNG_UP] : [];
/**
 * How often a loop may hear for nothing of an inner one that has just become quiet: a kernel's kqueue finds that
 * what it told is over when it is waited on once more.
 */
export const FALSE_READS = inKernel ? 1 : 0;

function icmpError(): number {
  if (!kqueue) return FAILED;
  return lacks("an error without a hang-up") ? FAILED | HUNG_UP : 0;
}
