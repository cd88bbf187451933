import { expect, test } from "bun:test";
import * as abi from "../src/abi.ts";
import * as events from "../src/events.ts";
import { native } from "../src/native.ts";

test("the library's layout is what abi.ts and events.ts say", () => {
  const expected = [
    abi.ABI_VERSION,
    abi.RECORD_WORDS * Int32Array.BYTES_PER_ELEMENT,
    abi.RECORD_FD * Int32Array.BYTES_PER_ELEMENT,
    abi.RECORD_WORD * Int32Array.BYTES_PER_ELEMENT,
    abi.GENERATION_SHIFT,
    abi.GENERATION_MAX,
    abi.BATCH_ENTRY_BYTES,
    abi.STATE_WORDS * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_POLLER_FD * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_WAKE_FD * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_TIMEOUT_MS_ONLY * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_WOKEN * Int32Array.BYTES_PER_ELEMENT,
    abi.STATE_SLACK_NS * Int32Array.BYTES_PER_ELEMENT,
    events.READ,
    events.PRI,
    events.WRITE,
    events.ERROR,
    events.EDGE,
    events.ONESHOT,
    abi.BACKEND_EPOLL,
    abi.BACKEND_KQUEUE,
    abi.ADDRESS_BYTES,
    abi.ADDRESS_FAMILY * Int32Array.BYTES_PER_ELEMENT,
    abi.ADDRESS_PORT * Int32Array.BYTES_PER_ELEMENT,
    abi.ADDRESS_LENGTH * Int32Array.BYTES_PER_ELEMENT,
    abi.ADDRESS_TEXT_OFFSET,
    abi.FAMILY_IP,
    abi.FAMILY_UNIX,
    abi.SOCKET_DATAGRAM,
    abi.SOCKET_UNIX,
    abi.SOCKET_REUSE_PORT,
    abi.SIGNALS_MAX,
  ];
  const values = new Int32Array(new ArrayBuffer(64 * Int32Array.BYTES_PER_ELEMENT));
  const count = native().ioloop_abi_layout(values, values.length);
  expect([...values.subarray(0, count)]).toEqual(expected);
  expect(native().ioloop_abi_version()).toBe(abi.ABI_VERSION);
});

test("the layout fills no more than the room it is given", () => {
  const values = new Int32Array(new ArrayBuffer(64 * Int32Array.BYTES_PER_ELEMENT)).fill(-1);
  const count = native().ioloop_abi_layout(values, 3);
  expect(count).toBeGreaterThan(3);
  expect(values[2]).not.toBe(-1);
  expect(values[3]).toBe(-1);
});

test("the bits of events.ts fit below the generation and do not overlap", () => {
  const { READ, PRI, WRITE, ERROR, EDGE, ONESHOT } = events;
  expect(READ + PRI + WRITE + ERROR + EDGE + ONESHOT).toBe(events.KNOWN);
  expect(events.KNOWN & ~abi.WORD_BITS).toBe(0);
  expect(abi.WORD_BITS).toBe(2 ** abi.GENERATION_SHIFT - 1);
});
