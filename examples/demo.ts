// An echo service and its client, each in a process of its own: a line for each second, then the figures.
import { join } from "node:path";

interface Progress {
  readonly elapsedMs: number;
  readonly messages: number;
}

interface ClientFigures extends Progress {
  readonly connections: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

interface ServiceFigures {
  readonly beats: number;
  readonly lateP50Ms: number;
  readonly lateMaxMs: number;
  readonly timeoutsFired: number;
}

const LIMIT_MS = 30_000;
const live = process.stdout.isTTY;

function launch(file: string, ...arguments_: string[]) {
  return Bun.spawn([process.execPath, join(import.meta.dir, file), ...arguments_], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    timeout: LIMIT_MS,
  });
}

/** A process's output, one parsed line of JSON at a time. */
async function* messages(stream: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

function show(progress: Progress, before: Progress): void {
  const rate =
    ((progress.messages - before.messages) / (progress.elapsedMs - before.elapsedMs)) * 1000;
  const line = `${format(progress.elapsedMs / 1000, 1)} s  ${format(progress.messages)} messages, ${format(rate)} a second`;
  process.stdout.write(live ? `\r\x1b[2K${line}` : `${line}\n`);
}

function format(value: number, digits = 0): string {
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

const service = launch("echo-service.ts");
const fromService = messages(service.stdout);
const hello = (await fromService.next()).value as { port: number } | undefined;
if (hello === undefined) {
  console.error("the service did not start");
  process.exit(1);
}
const { port } = hello;
console.log(`echo service on 127.0.0.1:${port}, process ${service.pid}, on loop.start()`);

const client = launch("echo-client.ts", String(port));
console.log(
  `client with 64 connections and 64-byte messages, process ${client.pid}, for 3 seconds`,
);

let figures: ClientFigures | undefined;
let before: Progress = { elapsedMs: 0, messages: 0 };
for await (const message of messages(client.stdout)) {
  const progress = message as Progress;
  const fullSecond = Math.floor(progress.elapsedMs / 1000) > Math.floor(before.elapsedMs / 1000);
  const last = "connections" in progress;
  if (fullSecond || (live && !last)) show(progress, before);
  if (fullSecond) {
    if (live) process.stdout.write("\n");
    before = progress;
  }
  if (last) figures = progress as ClientFigures;
}

service.stdin.end();
const late = (await fromService.next()).value as ServiceFigures | undefined;
const codes = await Promise.all([service.exited, client.exited]);
if (figures === undefined || late === undefined || codes.some((code) => code !== 0)) {
  console.error(`the demo failed: service and client exited with ${codes.join(" and ")}`);
  process.exit(1);
}

const rate = (figures.messages / figures.elapsedMs) * 1000;
console.log(`
messages            ${format(rate)} a second over ${figures.connections} connections
round trip          p50 ${format(figures.p50Us)} us, p99 ${format(figures.p99Us)} us
100 ms interval     ${late.beats} beats, late by p50 ${format(late.lateP50Ms, 2)} ms, at most ${format(late.lateMaxMs, 2)} ms
pending timeouts    1,000 at any moment, ${format(late.timeoutsFired)} ran`);
