import { type Finding, hasGrown } from "./support-soak.ts";
import type { Totals } from "./support-soak-context.ts";
import type { Outcome, Progress } from "./support-soak-laps.ts";

const MB = 2 ** 20;
const KB = 2 ** 10;
const WIDTH = 96;
const LEFT_SHOWN = 10;
const NAMES: Readonly<Record<keyof Totals, string>> = {
  connections: "connections",
  bytes: "bytes",
  datagrams: "datagrams",
  timers: "timers",
  awaits: "awaits",
  loops: "loops",
  workers: "Workers",
  messages: "port messages",
  wakes: "wakes",
  signals: "signals",
  children: "child processes",
  ghosts: "ghosts",
  errors: "errors thrown",
};

/** Where the soak is. */
export function progressLine({ elapsedMs, warm, memory, counts, totals }: Progress): string {
  const threads = counts.threads === undefined ? "" : `, ${total(counts)} threads`;
  const at = `${(elapsedMs / 1000).toFixed(0).padStart(4)} s`;
  const measured = `RSS ${bytes(memory.rss)}, heap ${bytes(memory.heap)}, ${counts.fds} fds${threads}`;
  return `${at}  ${measured}; ${number(totals.connections)} connections${warm ? "" : " (warming up)"}`;
}

/** The table, what was churned, and the closing line. */
export function reportLines(outcome: Outcome, seconds: number): string[] {
  const { findings, start, totals, losses, fdsLeft } = outcome;
  const starts: Readonly<Record<string, number | undefined>> = {
    RSS: start.memory.rss,
    "JavaScript heap": start.memory.heap,
    "mapped since the start": start.memory.mapped,
    fds: start.counts.fds,
    threads: start.counts.threads,
    "Bun's own threads": start.counts.bunThreads,
    "signals handled": start.counts.signals,
  };
  const rows = findings.map((finding) => row(finding, starts[finding.what] ?? 0));
  const lines = table([["", "start", "warmed up", "end", "growth", "lasting", "allowed"], ...rows]);
  if (start.counts.threads === undefined) lines.push("threads: not available on this system");
  if (fdsLeft.length > 0) {
    const more = fdsLeft.length - LEFT_SHOWN;
    const shown = fdsLeft.slice(0, LEFT_SHOWN).join(", ");
    lines.push(`left open: ${shown}${more > 0 ? ` and ${more} more` : ""}`);
  }
  lines.push(...churnedLines(totals));
  lines.push(closingLine(findings, losses, seconds));
  return lines;
}

function churnedLines(totals: Totals): string[] {
  const lines: string[] = [];
  let line = "churned";
  for (const key of Object.keys(NAMES) as (keyof Totals)[]) {
    if (totals[key] === 0) continue;
    const amount =
      key === "bytes" ? `${bytes(totals.bytes)} read` : `${number(totals[key])} ${NAMES[key]}`;
    if (line.length + amount.length > WIDTH) {
      lines.push(line);
      line = "       ";
    }
    line += ` ${amount},`;
  }
  return [...lines, line.slice(0, -1)];
}

export function closingLine(findings: readonly Finding[], losses: number, seconds: number): string {
  const grown = findings.filter(hasGrown).map((finding) => `${finding.what} by ${amount(finding)}`);
  const lost = losses > 0 ? [`${losses} lost or wrong`] : [];
  if (grown.length > 0) return `soak: GREW: ${[...grown, ...lost].join(", ")}`;
  if (lost.length > 0) return `soak: LOST: ${lost.join(", ")}`;
  const unjudged = findings.some(({ unit, allowed }) => unit === "bytes" && allowed === undefined);
  const rest = unjudged ? " (too short to judge memory)" : "";
  return `soak: no growth in ${seconds} s${rest}`;
}

function row(finding: Finding, start: number): string[] {
  const show = finding.unit === "bytes" ? bytes : number;
  const { what, warm, end, growth, lasting, allowed } = finding;
  const mark = hasGrown(finding) ? " !" : "";
  const limit = allowed === undefined ? "-" : show(allowed);
  return [
    what,
    show(start),
    show(warm),
    show(end),
    signed(growth, show),
    show(lasting),
    `${limit}${mark}`,
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 2),
      )
      .join(""),
  );
}

function amount({ unit, lasting }: Finding): string {
  return unit === "bytes" ? bytes(lasting) : number(lasting);
}

function signed(value: number, show: (value: number) => string): string {
  return value > 0 ? `+${show(value)}` : show(value);
}

function total({ threads = 0, bunThreads = 0 }: Progress["counts"]): number {
  return threads + bunThreads;
}

function bytes(value: number): string {
  if (Math.abs(value) >= MB) return `${(value / MB).toFixed(1)} MB`;
  return `${(value / KB).toFixed(0)} KB`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}
