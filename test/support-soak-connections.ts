import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EDGE, IOLoopError, ONESHOT, READ, WRITE } from "../src/index.ts";
import * as io from "../src/io.ts";
import type { Churn, Soak } from "./support-soak-context.ts";
import { Echo, Talk } from "./support-soak-talk.ts";

const CLIENTS = 64;
const ACCEPTED_AT_ONCE = 16;
const TCP_LISTENERS = 4;
/** What has no room for a connection now: ports that are not free again yet, or a full backlog. */
const FULL = ["EADDRNOTAVAIL", "EAGAIN", "ECONNREFUSED"];
const FULL_PAUSE_MS = 5;
const LIMIT_MS = 15_000;

/** Either side of a connection: does what it can, and is told when that may be more. */
interface Side {
  readonly over: boolean;
  readonly wantsWrite: boolean;
  go(): void;
}

/** Stream connections to echo servers of the same loop, over TCP and Unix sockets, driven in every way there is. */
export class Connections implements Churn {
  readonly name = "connections";
  readonly #listeners: number[] = [];
  #addresses: io.ConnectOptions[] = [];
  #folder: string | undefined;
  #echoes = 0;
  #clients = 0;

  open(soak: Soak): void {
    this.#folder = mkdtempSync(join(tmpdir(), "ioloop-soak-"));
    const unix = join(this.#folder, "s");
    for (let index = 0; index < TCP_LISTENERS; index++) {
      const listener = io.listen({ hostname: "127.0.0.1" });
      this.#listeners.push(listener);
      this.#addresses.push({ port: io.localPort(listener) }, { unix });
    }
    this.#listeners.push(io.listen({ unix }));
    for (const listener of this.#listeners) {
      soak.loop.addHandler(listener, READ, () => this.#accept(soak, listener));
    }
  }

  close(soak: Soak): void {
    for (const listener of this.#listeners.splice(0)) {
      soak.loop.removeHandler(listener);
      io.close(listener);
    }
    this.#addresses = [];
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
  }

  async lap(soak: Soak): Promise<void> {
    for (let index = 0; index < CLIENTS; index++) this.#begin(soak);
    while (!soak.over) await soak.loop.sleep(1);
    await soak.until(
      () => this.#clients + this.#echoes === 0,
      () => `${this.#clients} clients and ${this.#echoes} of their echoes have not ended`,
    );
  }

  #accept(soak: Soak, listener: number): void {
    for (let count = 0; count < ACCEPTED_AT_ONCE; count++) {
      const fd = io.accept(listener);
      if (fd === io.WOULD_BLOCK) return;
      this.#echoes++;
      const handle = soak.chance(4) ? handleEdges : handleLevels;
      handle(soak, fd, new Echo(fd), () => {
        this.#echoes--;
      });
    }
  }

  /** One client after another, as long as the lap lasts. */
  #begin(soak: Soak): void {
    if (soak.over) return;
    const address = this.#addresses[soak.pick(this.#addresses.length)] as io.ConnectOptions;
    let fd: number;
    try {
      fd = io.connect(address);
    } catch (error) {
      if (!(error instanceof IOLoopError && FULL.includes(error.code))) throw error;
      soak.loop.callLater(FULL_PAUSE_MS, () => this.#begin(soak));
      return;
    }
    soak.totals.connections++;
    this.#clients++;
    const talk = new Talk(soak, fd);
    const drive = DRIVERS[soak.pick(DRIVERS.length)] as (typeof DRIVERS)[number];
    drive(soak, fd, talk, () => {
      this.#clients--;
      this.#begin(soak);
    });
  }
}

type Driver = (soak: Soak, fd: number, side: Side, ended: () => void) => void;

const DRIVERS: readonly Driver[] = [
  handleLevels,
  handleLevels,
  handleEdges,
  handleOnce,
  awaitIt,
  readEvents,
];

/** Closes an fd, before its handler is removed or after. */
function leave(soak: Soak, fd: number, ended: () => void): void {
  const removesFirst = !soak.chance(3);
  if (removesFirst) soak.loop.removeHandler(fd);
  io.close(fd);
  if (!removesFirst) soak.loop.removeHandler(fd);
  ended();
}

function handleLevels(soak: Soak, fd: number, side: Side, ended: () => void): void {
  let mask = READ | WRITE;
  soak.loop.addHandler(fd, mask, () => {
    side.go();
    if (side.over) return leave(soak, fd, ended);
    const wanted = side.wantsWrite ? READ | WRITE : READ;
    if (wanted !== mask) soak.loop.updateHandler(fd, wanted);
    mask = wanted;
  });
}

function handleEdges(soak: Soak, fd: number, side: Side, ended: () => void): void {
  soak.loop.addHandler(fd, READ | WRITE | EDGE, () => {
    side.go();
    if (side.over) leave(soak, fd, ended);
  });
}

function handleOnce(soak: Soak, fd: number, side: Side, ended: () => void): void {
  soak.loop.addHandler(fd, READ | WRITE | ONESHOT, () => {
    side.go();
    if (side.over) leave(soak, fd, ended);
    else soak.loop.updateHandler(fd, (side.wantsWrite ? READ | WRITE : READ) | ONESHOT);
  });
}

function awaitIt(soak: Soak, fd: number, side: Side, ended: () => void): void {
  const { loop } = soak;
  const options = { timeout: LIMIT_MS, signal: soak.lasting };
  const converse = async (): Promise<void> => {
    await loop.writable(fd, options);
    for (side.go(); !side.over; side.go()) {
      if (side.wantsWrite) await either(soak, fd);
      else await loop.readable(fd, options);
    }
  };
  follow(soak, fd, converse(), ended);
}

/** Until it can be read or written; what was not needed is taken back. */
async function either(soak: Soak, fd: number): Promise<void> {
  const { loop } = soak;
  const rest = new AbortController();
  const options = { signal: rest.signal, timeout: LIMIT_MS };
  const both = [loop.readable(fd, options), loop.writable(fd, options)];
  await Promise.race(both);
  rest.abort();
  await Promise.allSettled(both);
}

function readEvents(soak: Soak, fd: number, side: Side, ended: () => void): void {
  const consume = async (): Promise<void> => {
    for await (const _events of soak.loop.events(fd, READ | WRITE | EDGE)) {
      side.go();
      if (side.over) return;
      // What comes meanwhile is kept.
      if (soak.chance(4)) await soak.loop.sleep(soak.pick(3));
    }
  };
  follow(soak, fd, consume(), ended);
}

function follow(soak: Soak, fd: number, work: Promise<void>, ended: () => void): void {
  const lost = (error: unknown): void => soak.lose(`an awaited connection failed: ${error}`);
  work.catch(lost).finally(() => leave(soak, fd, ended));
}
