// What the programs of the JavaScript peers measure with; plain JavaScript, since Node runs it too.
import { readFileSync } from "node:fs";

/** CPU time of the whole process, its threads included, in nanoseconds. */
export function cpuNs() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

export function wallNs() {
  return performance.now() * 1e6;
}

/** The arguments, which are whole numbers. */
export function numbers() {
  return process.argv.slice(2).map(Number);
}

/** What one process tells the harness: one line of JSON. */
export function report(figures) {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** Of this program alone: what getrusage() tells began with the process that started it. */
export function peakRssBytes() {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return Number(kilobytes) * 1024;
}

/** The same numbers in every language: a linear congruential generator, of which the low bits are left out. */
export function randoms() {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
}

/** By then the engine has compiled what is called all the time. */
const WARM_MS = 1000;

/** Has `round` run until it is warm, and then measures it for `ms`; it returns how many events it has served. */
export function measureRounds(ms, round) {
  const warmNs = wallNs() + WARM_MS * 1e6;
  while (wallNs() < warmNs) round();

  const cpuBegan = cpuNs();
  const wallBegan = wallNs();
  let events = 0;
  while (wallNs() - wallBegan < ms * 1e6) events += round();
  report({
    cpuNsPerEvent: (cpuNs() - cpuBegan) / events,
    wallNsPerEvent: (wallNs() - wallBegan) / events,
    events,
  });
}

/** How far beats are from their grid: `leastMs`, of the last of `seconds`, for one alone is late by chance. */
export function driftMeter(periodMs, seconds) {
  return {
    leastMs: Number.POSITIVE_INFINITY,
    /** `beats` have passed by now. */
    note(elapsedMs, beats) {
      if (elapsedMs < (seconds - 1) * 1000) return;
      this.leastMs = Math.min(this.leastMs, elapsedMs - beats * periodMs);
    },
  };
}
