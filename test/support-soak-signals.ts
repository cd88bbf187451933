import { isatty } from "node:tty";
import { IOLoop } from "../src/index.ts";
import { ignore } from "./support.ts";
import { type Churn, type Soak, turnOfBun } from "./support-soak-context.ts";

const SIGNALS = ["SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;
const STDOUT = 1;
const SENT_MOST = 5;
const PAUSE_MOST_MS = 10;

/** Signals to the process, each heard once by everybody who listens: loops, and listeners of process.on. */
export class Signals implements Churn {
  readonly name = "signals";

  async lap(soak: Soak): Promise<void> {
    await Promise.all(
      SIGNALS.map(async (signal) => {
        while (!soak.over) await soak.expect(sendSome(soak, signal), signal);
      }),
    );
  }
}

async function sendSome(soak: Soak, signal: (typeof SIGNALS)[number]): Promise<void> {
  const { loop } = soak;
  const heard = new Map<string, number>();
  const hear = (who: string) => {
    heard.set(who, 0);
    return (): void => {
      heard.set(who, (heard.get(who) ?? 0) + 1);
    };
  };
  loop.addSignalHandler(signal, hear("the loop"));
  using other = new IOLoop();
  const joined = soak.chance(3);
  if (joined) await turnOfBun();
  const hosted = joined ? other.run() : undefined;
  if (hosted !== undefined) other.addSignalHandler(signal, hear("another loop"));
  const listens = signal === "SIGWINCH" && soak.chance(2);
  const listener = listens ? hear("process.on") : ignore;
  if (listens) {
    // What came before may still be on its way to listeners, this one among them.
    await settled();
    process.on(signal, listener);
    // Bun's action takes the place of ours, until the loop has seen that.
    await loop.sleep(0);
  }
  for (let sent = 1; sent <= SENT_MOST; sent++) {
    soak.totals.signals++;
    process.kill(process.pid, signal);
    const told = (): string => [...heard].map(([who, count]) => `${who}: ${count}`).join(", ");
    await soak.until(
      () => [...heard.values()].every((count) => count >= sent),
      () => `${signal} was sent ${sent} times and heard by ${told()}`,
    );
    const once = [...heard.values()].every((count) => count === sent);
    // Whoever changes the size of the terminal sends it as well.
    const exact = signal !== "SIGWINCH" || !isatty(STDOUT);
    soak.check(once || !exact, () => `${signal} was sent ${sent} times and heard by ${told()}`);
  }
  if (listens) process.off(signal, listener);
  soak.check(loop.removeSignalHandler(signal), () => `the handler of ${signal} was gone`);
  soak.check(!loop.removeSignalHandler(signal), () => `the handler of ${signal} stayed`);
  other.close();
  await hosted;
  await loop.sleep(soak.pick(PAUSE_MOST_MS));
}

/** Until Bun has told its listeners of every signal that came. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await turnOfBun();
}
