// What a loop costs that Bun's loop hosts, beside Bun's own handlers in the same process and run: from idle, under load,
// and with load on both sides. Ratios are medians over rounds. The peers are separate processes; where taskset is, they
// are pinned to other cores than the process that is measured.
import { join } from "node:path";

const folder = join(import.meta.dir, "hosted");
const quick = process.argv.includes("--quick");
const WRITES = quick ? 400 : 2000;
const GAP_MS = 2;
const ROUNDS = quick ? 3 : 9;
const SECONDS = 1;
const ECHO_RATE = 10_000;
const HTTP_RATE = 4000;
const hasTaskset = Bun.which("taskset") !== null;

interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

type Core = "any" | "first" | "second";

function launch(core: Core, file: string, ...given: (string | number)[]) {
  const pin = core === "any" || !hasTaskset ? [] : ["taskset", "-c", core === "first" ? "0" : "1"];
  const command = [...pin, process.execPath, join(folder, file), ...given.map(String)];
  return Bun.spawn(command, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    timeout: 120_000,
  });
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

async function next<T>(source: AsyncGenerator<string>): Promise<T> {
  return JSON.parse((await source.next()).value as string) as T;
}

function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * at), sorted.length - 1)] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

async function fromIdle(pinned: boolean, way: "kernel" | "thread"): Promise<void> {
  process.env["BUN_IOLOOP_WATCH"] = way;
  const reader = launch(pinned ? "first" : "any", "reader.ts");
  const output = lines(reader.stdout);
  const ports = await next<number[]>(output);
  const writer = launch(pinned ? "second" : "any", "writer.ts", ...ports, WRITES, GAP_MS);
  const { bun, loop } = await next<Record<"bun" | "loop", number[]>>(output);
  await writer.exited;
  const show = (at: number): string =>
    `${quantile(bun, at).toFixed(0)} and ${quantile(loop, at).toFixed(0)} us (${(quantile(loop, at) / quantile(bun, at)).toFixed(2)})`;
  const where = pinned ? "pinned to two cores" : "free";
  console.log(
    `  ${where}, woken by the ${way}: p50 ${show(0.5)}, p90 ${show(0.9)}, p99 ${show(0.99)}`,
  );
}

type Load = readonly [port: number, kind: "echo" | "http", connections: number, rate: number];

/** One client process for all loads, so that two of them do not compete for its core. */
async function measure(...loads: Load[]): Promise<Times[]> {
  const given = loads.map((load) => load.join(":"));
  return next(lines(launch("second", "client.ts", SECONDS, ...given).stdout));
}

async function underLoad(bunPort: number, loopPort: number): Promise<void> {
  for (const connections of [1, 8, 64]) {
    const ratios: number[] = [];
    const rates: number[] = [];
    let shown = "";
    for (let round = 0; round < ROUNDS; round++) {
      const [bun] = (await measure([bunPort, "echo", connections, 0])) as [Times];
      const [loop] = (await measure([loopPort, "echo", connections, 0])) as [Times];
      ratios.push(loop.p50 / bun.p50);
      rates.push(loop.count / bun.count);
      shown = `${bun.p50.toFixed(0)} and ${loop.p50.toFixed(0)} us in the last round`;
    }
    console.log(
      `  ${connections} connections: p50 ${median(ratios).toFixed(2)} times, messages ${median(rates).toFixed(2)} times (${shown})`,
    );
  }
}

async function bothSides(httpPort: number, loopPort: number): Promise<void> {
  const http: Load = [httpPort, "http", 32, HTTP_RATE];
  const echo: Load = [loopPort, "echo", 64, ECHO_RATE];
  const alone: Record<"http" | "echo", number[]> = { http: [], echo: [] };
  const beside: Record<"http" | "echo", number[]> = { http: [], echo: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const [httpAlone] = (await measure(http)) as [Times];
    const [echoAlone] = (await measure(echo)) as [Times];
    const [httpBeside, echoBeside] = (await measure(http, echo)) as [Times, Times];
    alone.http.push(httpAlone.p99);
    alone.echo.push(echoAlone.p99);
    beside.http.push(httpBeside.p99);
    beside.echo.push(echoBeside.p99);
  }
  const show = (what: string, before: readonly number[], after: readonly number[]): void => {
    const growth = median(after.map((value, round) => value / (before[round] ?? Number.NaN)));
    console.log(
      `  ${what}: p99 ${median(before).toFixed(0)} us alone, ${median(after).toFixed(0)} beside the other: ${growth.toFixed(2)} times`,
    );
  };
  show(`Bun.serve at ${HTTP_RATE} requests/s`, alone.http, beside.http);
  show(`the loop at ${ECHO_RATE} messages/s`, alone.echo, beside.echo);
}

console.log(
  `from idle: a write every ${GAP_MS} ms by another process, to Bun.connect's handler and to the loop's`,
);
for (const way of ["kernel", "thread"] as const) {
  await fromIdle(false, way);
  if (hasTaskset) await fromIdle(true, way);
}
delete process.env["BUN_IOLOOP_WATCH"];

const server = launch("first", "server.ts");
const [httpPort, bunPort, loopPort] = await next<[number, number, number]>(lines(server.stdout));
console.log("under load: an echo by Bun.listen, and by the loop beside it in the same process");
await underLoad(bunPort, loopPort);
console.log("load on both sides of one process");
await bothSides(httpPort, loopPort);
server.kill();
