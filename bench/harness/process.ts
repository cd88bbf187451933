import { readFileSync } from "node:fs";
import { commandOf, type Peer } from "./peers.ts";

/** The figures that one process tells: a line of JSON. */
export type Output = Readonly<Record<string, number | readonly number[]>>;

const LIMIT_MS = 180_000;

/** Runs `program` of a peer to its end. */
export async function measured(peer: Peer, program: string, ...given: number[]): Promise<Output> {
  return outputOf([...commandOf(peer, program), ...given.map(String)]);
}

export async function outputOf(command: readonly string[]): Promise<Output> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const output = await child.stdout.text();
  const exitCode = await child.exited;
  if (exitCode !== 0) {
    const reason = child.signalCode === null ? `with ${exitCode}` : `by ${child.signalCode}`;
    throw new Error(`${command.join(" ")} ended ${reason}, ${LIMIT_MS} ms at most were its due`);
  }
  return JSON.parse(output) as Output;
}

/** A process that goes on, and tells a line of JSON now and then; it is killed when it is disposed of. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  next<Line>(): Promise<Line>;
}

export function start(command: readonly string[]): Child {
  const child = Bun.spawn([...command], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const lines = linesOf(child.stdout);
  return {
    pid: child.pid,
    async next<Line>() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${command.join(" ")} ended too soon`);
      return JSON.parse(value) as Line;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

/** A service that is running, on a core of its own. */
export interface Service extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** Starts a service, which prints its port. */
export async function serve(peer: Peer, program: string, ...given: number[]): Promise<Service> {
  const child = start([...pinned("service"), ...commandOf(peer, program), ...given.map(String)]);
  const { port } = await firstOf<{ port: number }>(child);
  return { port, pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

export interface Load {
  readonly connections: number;
  readonly bytes: number;
  readonly warmMs: number;
  readonly ms: number;
}

/** Loads a service by the native client, on the other core. */
export async function loaded(service: Service, load: Load): Promise<Output> {
  return outputOf(clientOf(service, load));
}

/** Connections that say nothing, until they are disposed of. */
export async function idleConnections(
  service: Service,
  connections: number,
): Promise<AsyncDisposable> {
  const client = start(clientOf(service, { connections, bytes: 0, warmMs: 0, ms: 0 }));
  await firstOf(client);
  return client;
}

/** What a child says first; one that does not is not left behind. */
async function firstOf<Line>(child: Child): Promise<Line> {
  try {
    return await child.next<Line>();
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

function clientOf({ port, pid }: Service, { connections, bytes, warmMs, ms }: Load): string[] {
  const given = [port, pid, connections, bytes, warmMs, ms];
  return [...pinned("load"), ...commandOf("bare epoll", "load"), ...given.map(String)];
}

/** A service and what loads it, which have a core each where there are two. */
export type Side = "service" | "load";

/** What keeps a command to its side's core, of those that this process may run on. */
export function pinned(side: Side): readonly string[] {
  const status = readFileSync("/proc/self/status", "utf8");
  const cores = (/^Cpus_allowed_list:\s+(.+)$/m.exec(status)?.[1] ?? "0").split(/[,-]/);
  return ["taskset", "-c", cores.at(side === "service" ? 0 : -1) as string];
}
