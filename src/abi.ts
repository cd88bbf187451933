/**
 * What crosses the border to the native library, in numbers. `zig/abi.zig` holds the same, and a test
 * compares the two. A ready record is 8 bytes, two little-endian words:
 *
 *      0         4         5                        8
 *     +---------+---------+------------------------+
 *     | fd: i32 | bits: 8 | generation: 24         |
 *     +---------+---------+------------------------+
 *
 * The second word also registers an fd: its low bits are then the interest mask and the modes of
 * `events.ts`.
 */
export const ABI_VERSION = 6;

/** Int32 words in one ready record, and where its halves are. */
export const RECORD_WORDS = 2;
export const RECORD_FD = 0;
export const RECORD_WORD = 1;

/** The bits of a word below its generation. */
export const WORD_BITS = 0xff;
export const GENERATION_SHIFT = 8;
export const GENERATION_MAX = 0xffffff;

/** The batch has this room for each record: the kernel's own entries are packed into records in place. */
export const BATCH_ENTRY_BYTES = 40;

/** Which kernel interface the library waits in. */
export const BACKEND_EPOLL = 0;
export const BACKEND_KQUEUE = 1;

/** One poller's native state, as Int32 words: memory of the library, until the loop is closed. */
export const STATE_WORDS = 6;
export const STATE_POLLER_FD = 0;
export const STATE_WAKE_FD = 1;
export const STATE_TIMEOUT_MS_ONLY = 3;
export const STATE_WOKEN = 4;
export const STATE_SLACK_NS = 5;

/** The sender of a datagram as the library writes it: Int32 words, then the text. */
export const ADDRESS_BYTES = 128;
export const ADDRESS_FAMILY = 0;
export const ADDRESS_PORT = 1;
export const ADDRESS_LENGTH = 2;
export const ADDRESS_TEXT_OFFSET = 12;
export const FAMILY_IP = 1;
export const FAMILY_UNIX = 2;

/** Options of the socket calls. */
export const SOCKET_DATAGRAM = 1;
export const SOCKET_UNIX = 2;
export const SOCKET_REUSE_PORT = 4;

/** Signals' numbers are below this. */
export const SIGNALS_MAX = 65;
