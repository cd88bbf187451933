import { expect, test } from "bun:test";
import { connect } from "node:net";
import { example } from "./support-examples.ts";

const LIMIT_MS = 30_000;
const WORKERS = 3;
const CLIENTS = 60;

/** The lines of a program's output, one by one. */
async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

/** Sends one message to an echo service; resolves with the answer, when the connection has ended. */
function echoed(port: number, message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(message));
    socket.on("data", (data) => {
      answer += data;
      if (answer.length === message.length) socket.end();
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

test(
  "the cluster serves one port from several Workers, and Ctrl-C ends it with a count from each",
  async () => {
    const cluster = example("cluster.ts", String(WORKERS));
    const output = lines(cluster.stdout);
    const hello = String((await output.next()).value);
    const port = Number(/^3 Workers serve 127\.0\.0\.1:(\d+)$/.exec(hello)?.[1]);
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, (_, index) => echoed(port, `hello ${index}`)),
    );
    expect(answers).toEqual(answers.map((_, index) => `hello ${index}`));

    cluster.kill("SIGINT");
    const counts: number[] = [];
    for await (const line of output) {
      counts.push(Number(/^a Worker has served (\d+) connections$/.exec(line)?.[1]));
    }
    expect(await cluster.exited).toBe(0);
    expect(counts).toHaveLength(WORKERS);
    expect(counts.reduce((sum, count) => sum + count)).toBe(CLIENTS);
    // Linux spreads connections by their addresses; a Worker of three without any of sixty has odds of one to 10^10.
    if (process.platform === "linux") expect(Math.min(...counts)).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

test(
  "a Worker that blocks in start() answers every message, and ends when it is terminated",
  async () => {
    const worker = example("worker.ts");
    expect(await worker.stdout.text()).toMatch(/^(answer \d after [\d,]+ us\n){5}$/);
    expect(await worker.exited).toBe(0);
  },
  LIMIT_MS,
);

test(
  "lines are counted from an fd beside Bun.serve, which tells their number, until SIGTERM",
  async () => {
    const counter = example("beside-serve.ts");
    const output = lines(counter.stdout);
    const url = /http\S+/.exec(String((await output.next()).value))?.[0] ?? "";
    counter.stdin.write("one\ntwo\nthree\n");
    await counter.stdin.flush();
    const answer = async (): Promise<string> => (await fetch(url)).text();
    while ((await answer()) !== "3 lines\n") await Bun.sleep(5);
    counter.kill("SIGTERM");
    expect((await output.next()).value).toBe("ended after 3 lines");
    expect(await counter.exited).toBe(0);
  },
  LIMIT_MS,
);

test(
  "the end of processes is told by their pids",
  async () => {
    const children = [Bun.spawn(["sleep", "10"]), Bun.spawn(["sleep", "10"])];
    const pids = children.map(({ pid }) => String(pid));
    const watcher = example("processes.ts", ...pids);
    const output = lines(watcher.stdout);
    expect((await output.next()).value).toBe("waiting for 2 processes");
    for (const child of children) child.kill();
    let told = "";
    for await (const line of output) told += `${line}\n`;
    for (const pid of pids) expect(told).toContain(`process ${pid} has ended`);
    expect(await watcher.exited).toBe(0);
  },
  LIMIT_MS,
);
