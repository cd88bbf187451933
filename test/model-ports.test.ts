import { test } from "bun:test";
import { MessageChannel } from "node:worker_threads";
import fc from "fast-check";
import { IOLoop, wake } from "../src/index.ts";
import { FakeClocks } from "./support-clock.ts";
import { check, Tally } from "./support-model-check.ts";
import { isError } from "./support-model-subject.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";

const CHANNELS = 2;
/** Longer than a message lies unheard in a blocking run. */
const LOOK_MS = 101;
/** Handlers that answer themselves would go on for ever. */
const POSTS_MOST = 40;

interface Action {
  readonly type: "add" | "remove" | "post" | "wake" | "pass" | "start" | "close";
  readonly which: number;
  /** What a handler does when it is called. */
  readonly script: readonly Action[];
  readonly throws: boolean;
}

/** How many sequences come to everything for sure. */
const ENOUGH = 300;

const OUTCOMES = [
  ...["told at a look", "told after a wake", "a handler threw", "EEXIST"],
  ...["add in a run", "remove in a run", "post in a run", "wake in a run", "close in a run"],
  ...["pass", "start", "close"],
];

class Scripted extends Error {}

/** A port that the loop listens to, or not, and the messages that it has not been told. */
class Channel {
  readonly #channel = new MessageChannel();
  readonly queue: number[] = [];
  id: number | undefined;
  /** The id that it had last. */
  lastId = 0;
  /** Whether it was woken, and not looked at since: a wake within a pass may be heard in that pass already. */
  woken: "no" | "perhaps" | "surely" = "no";
  /** It was added while the loop told its ports, which tells it nothing yet. */
  fresh = false;

  get near() {
    return this.#channel.port1;
  }

  post(message: number): void {
    this.#channel.port2.postMessage(message);
    this.queue.push(message);
  }

  close(): void {
    this.#channel.port1.close();
    this.#channel.port2.close();
  }
}

/** A loop with its ports: whoever was woken gets all that there is, in order; without a wake it takes 100 ms. */
class World implements Disposable {
  readonly #tally: Tally;
  readonly #channels = Array.from({ length: CHANNELS }, () => new Channel());
  readonly #clocks = new FakeClocks();
  #loop = this.#open();
  #running = false;
  /** Whether the loop may look at all of its ports. */
  #looks = false;
  /** Whether this run is a single pass, and whether a call that tells messages is under way. */
  #once = false;
  #telling = false;
  #posts = 0;
  #thrown: { readonly error: Scripted; readonly id: number } | undefined;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  act({ type, which, script, throws }: Action): void {
    const channel = this.#channels[which];
    if (channel === undefined) return;
    this.#tally.note(this.#running ? `${type} in a run` : type);
    if (type === "add") this.#add(channel, script, throws);
    else if (type === "remove") {
      const removed = this.#loop.removePort(channel.near);
      check(removed === (channel.id !== undefined), "removePort tells what was there");
      channel.id = undefined;
    } else if (type === "post") {
      if (this.#posts < POSTS_MOST) channel.post(this.#posts++);
    } else if (type === "wake") {
      const known = channel.id !== undefined;
      check(wake(channel.lastId) === known, "wake knows the id of a port that is listened to");
      if (known) channel.woken = this.#running ? "perhaps" : "surely";
    } else if (type === "close") {
      this.#loop.close();
      for (const each of this.#channels) each.id = undefined;
      this.#loop = this.#open();
    } else if (!this.#running) {
      this.#running = true;
      if (type === "pass") this.#pass();
      else this.#start();
      this.#running = false;
      for (const each of this.#channels) each.fresh = false;
    }
  }

  #add(channel: Channel, script: readonly Action[], throws: boolean): void {
    const handler = (message: unknown): void => {
      check(channel.id === id, "nobody is called after removePort() or close()");
      const looked = channel.woken === "no";
      check(this.#looks || !looked, "without a wake nobody looks");
      const early = channel.fresh && (this.#once || looked);
      check(!early, "a port that is added while ports are told waits for the next time");
      check(channel.queue.shift() === message, "messages come once, in order");
      this.#telling = this.#once || looked;
      this.#tally.note(looked ? "told at a look" : "told after a wake");
      for (const action of script) this.act(action);
      this.#telling = false;
      if (!throws) return;
      this.#tally.note("a handler threw");
      this.#thrown = { error: new Scripted(), id };
      throw this.#thrown.error;
    };
    let id: number;
    try {
      id = this.#loop.addPort(channel.near, handler);
    } catch (error) {
      check(isError(error, "EEXIST") && channel.id !== undefined, String(error));
      this.#tally.note("EEXIST");
      return;
    }
    check(channel.id === undefined && id !== channel.lastId, "one handler, and a new id");
    channel.id = id;
    channel.lastId = id;
    channel.woken = "no";
    channel.fresh = this.#telling;
  }

  #pass(): void {
    this.#once = true;
    const woken = this.#channels.filter((channel) => channel.woken === "surely");
    const owed = this.#owed(woken);
    this.#loop.runOnce(0);
    this.#once = false;
    for (const channel of woken) if (channel.woken === "surely") channel.woken = "no";
    owed();
  }

  /** A blocking run in which so much time goes by that the loop looks by itself. */
  #start(): void {
    const loop = this.#loop;
    let owed = (): void => {};
    loop.addCallback(() => {
      // From here on who wakes may be heard in the same run.
      for (const channel of this.#channels)
        if (channel.woken === "surely") channel.woken = "perhaps";
      this.#clocks.mono += LOOK_MS;
      this.#looks = true;
      owed = this.#owed(this.#channels);
      loop.addCallback(() => loop.addCallback(() => loop.stop()));
    });
    loop.start();
    this.#looks = false;
    owed();
  }

  /** What must have been told by the time that the answer is called: what lies there now, to who stays. */
  #owed(channels: readonly Channel[]): () => void {
    const then = channels.map((channel) => ({ channel, id: channel.id, posts: this.#posts }));
    return () => {
      for (const { channel, id, posts } of then) {
        const [first = posts] = channel.queue;
        const stayed = id !== undefined && channel.id === id;
        check(first >= posts || !stayed, "a port that is looked at is told everything");
      }
    };
  }

  #open(): IOLoop {
    return new IOLoop({
      onError: (error, { source, ref }) => {
        const thrown = this.#thrown;
        this.#thrown = undefined;
        if (thrown === undefined || error !== thrown.error) throw error;
        check(source === "port" && ref === thrown.id, "onError is told which port");
      },
    });
  }

  [Symbol.dispose](): void {
    this.#loop.close();
    for (const channel of this.#channels) channel.close();
    this.#clocks[Symbol.dispose]();
  }
}

function actions(script: fc.Arbitrary<readonly Action[]>): fc.Arbitrary<Action> {
  return fc.record({
    type: fc.constantFrom<Action["type"][]>(
      ...(["add", "add", "remove", "post", "post", "post", "wake", "wake"] as const),
      ...(["pass", "pass", "start", "close"] as const),
    ),
    which: fc.nat({ max: CHANNELS - 1 }),
    script,
    throws: fc.constantFrom(false, false, false, true),
  });
}

const within = actions(fc.constant([]));
const atRest = actions(fc.array(within, { maxLength: 3, size: "max" }));

test(
  "messages are told once, in order, to who listens, after a wake or within 100 ms",
  async () => {
    const tally = new Tally();
    const property = fc.property(fc.array(atRest, { maxLength: 30, size: "max" }), (program) => {
      using world = new World(tally);
      for (const each of program) world.act(each);
    });
    const runs = await holds("model, ports", property, { runs: 500 });
    tally.judge(OUTCOMES, runs, ENOUGH);
  },
  PROPERTY_LIMIT_MS,
);
