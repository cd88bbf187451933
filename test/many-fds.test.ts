import { expect, test } from "bun:test";
import { type IOLoop, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import { drain, Fds, poke, run, runUntilTrue, testLoop } from "./support.ts";
import { pseudoRandom } from "./support-random.ts";
import { tcpPair } from "./support-tcp.ts";

/** Pairs of which one end is watched, with the numbers of those that were called. */
function watchPairs(loop: IOLoop, fds: Fds, count: number): { peers: number[]; called: number[] } {
  const peers: number[] = [];
  const called: number[] = [];
  for (let index = 0; index < count; index++) {
    const [a, b] = fds.pair();
    peers.push(b);
    loop.addHandler(a, READ, (fd) => {
      called.push(index);
      drain(fd);
    });
  }
  return { peers, called };
}

test.each([
  [1, 5, [1, 1, 1, 1, 1, 0]],
  [4, 10, [4, 4, 2, 0]],
  [10, 10, [10, 0]],
  [1024, 10, [10, 0]],
])(
  "maxEvents %i and %i ready fds: all are served in the fewest turns",
  (maxEvents, count, turns) => {
    using loop = testLoop({ maxEvents });
    using fds = new Fds();
    const { peers, called } = watchPairs(loop, fds, count);
    for (const peer of peers) poke(peer);
    expect(turns.map(() => loop.runOnce(0))).toEqual(turns);
    expect(called.toSorted((one, other) => one - other)).toEqual([...peers.keys()]);
  },
);

test("fds that stay ready do not starve the others, with maxEvents 1", () => {
  using loop = testLoop({ maxEvents: 1 });
  using fds = new Fds();
  const calls = new Map<number, number>();
  for (let index = 0; index < 5; index++) {
    loop.addHandler(fds.pair()[0], WRITE, (fd) => {
      calls.set(fd, (calls.get(fd) ?? 0) + 1);
    });
  }
  for (let turn = 0; turn < 15; turn++) expect(loop.runOnce(0)).toBe(1);
  expect([...calls.values()]).toEqual([3, 3, 3, 3, 3]);
});

test.each([
  [100, 200],
  [2000, 300],
])("of %i sockets, exactly the one that was sent to is called, %i times", (count, rounds) => {
  using loop = testLoop();
  using fds = new Fds();
  const { peers, called } = watchPairs(loop, fds, count);
  const random = pseudoRandom(count);
  for (let round = 0; round < rounds; round++) {
    const chosen = random(count);
    poke(peers[chosen] ?? -1);
    expect(loop.runOnce(1000)).toBe(1);
    expect(called.splice(0)).toEqual([chosen]);
  }
});

test("random pausing, reading and writing over TCP loses nothing, and wake-ups are hardly ever false", () => {
  using loop = testLoop();
  using fds = new Fds();
  const random = pseudoRandom(7);
  const total = 20_000_000;
  const chunk = new Uint8Array(65_536);
  let wakeUps = 0;
  let falseOnes = 0;
  let arrived = 0;

  for (const fd of tcpPair(fds)) {
    let sent = 0;
    let received = 0;
    let mask = READ | WRITE;
    const change = (next: number): void => {
      mask = next;
      loop.updateHandler(fd, mask);
    };
    loop.addHandler(fd, mask, (_fd, events) => {
      wakeUps++;
      const length = 1 + random(chunk.length);
      let useful = false;
      if ((events & READ) !== 0) {
        const count = io.read(fd, chunk, 0, length);
        if (count > 0) {
          received += count;
          arrived += count;
          useful = true;
        }
      }
      if ((events & WRITE) !== 0) {
        const count = io.write(fd, chunk, 0, Math.min(length, total - sent));
        if (count > 0) {
          sent += count;
          useful = true;
        }
      }
      if (!useful) falseOnes++;
      const wanted = (received < total ? READ : 0) | (sent < total ? WRITE : 0);
      const dice = random(4);
      if (dice === 0) {
        change(0);
        loop.addCallback(() => change(wanted));
      } else if (dice === 1 && wanted !== 0) {
        change(wanted & (random(2) === 0 ? READ : WRITE) || wanted);
      } else if (wanted !== mask) {
        change(wanted);
      }
    });
  }
  runUntilTrue(loop, () => arrived === 2 * total);
  expect(falseOnes / wakeUps).toBeLessThan(0.05);
});

test("what comes through a pipe goes on over a TCP connection, in order", () => {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  const hostname = "127.0.0.1";
  const listener = fds.keep(io.listen({ hostname }));
  const client = fds.keep(io.connect({ hostname, port: io.localPort(listener) }));
  let text = "";

  loop.addHandler(listener, READ, () => {
    const server = fds.keep(io.accept(listener));
    loop.addHandler(server, READ, () => {
      const buffer = new Uint8Array(16);
      const count = io.read(server, buffer);
      if (count === 0) loop.stop();
      else text += new TextDecoder().decode(buffer.subarray(0, count));
    });
  });
  loop.addHandler(client, WRITE, () => {
    expect(io.socketError(client)).toBe(0);
    loop.removeHandler(client);
    loop.addHandler(reader, READ, () => {
      const buffer = new Uint8Array(5);
      const count = io.read(reader, buffer);
      if (count > 0) io.write(client, buffer, 0, count);
      else {
        loop.removeHandler(reader);
        io.shutdown(client, "write");
      }
    });
    poke(writer, "bytes on their way");
    fds.close(writer);
  });
  run(loop);
  expect(text).toBe("bytes on their way");
});
