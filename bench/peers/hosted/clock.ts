// Microseconds of the monotonic clock that all processes of the machine share.
import { dlopen } from "bun:ffi";

const { symbols: libc } = dlopen(
  process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6",
  { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } },
);
const MONOTONIC = process.platform === "darwin" ? 6 : 1;
const time = new BigInt64Array(new ArrayBuffer(16));

export function now(): number {
  libc.clock_gettime(MONOTONIC, time);
  return Number(time[0]) * 1e6 + Number(time[1]) / 1e3;
}
