import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** The signals for which this process has an action of its own, on Linux: the lowest bit stands for number 1. */
export function caughtSignals(): bigint {
  const mask = /^SigCgt:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  return BigInt(`0x${mask}`);
}

export function isCaught(signal: NodeJS.Signals): boolean {
  return ((caughtSignals() >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}
