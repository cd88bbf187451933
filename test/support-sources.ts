import { type IOLoop, READ } from "../src/index.ts";
import { type Fds, poke } from "./support.ts";

/** What calls into a program. */
export type Source = "timeout" | "interval" | "callback" | "handler" | "microtask";

/** Has `call` called once by `source`: by an interval in a millisecond, by the others as soon as the loop runs. */
export function addCall(loop: IOLoop, fds: Fds, source: Source, call: () => unknown): void {
  if (source === "timeout") loop.callLater(0, call);
  if (source === "callback") loop.addCallback(call);
  if (source === "microtask") loop.addCallback(() => queueMicrotask(call));
  if (source === "interval") {
    const ref = loop.setInterval(1, () => {
      loop.clearInterval(ref);
      return call();
    });
  }
  if (source === "handler") {
    const [reader, writer] = fds.pipe();
    poke(writer);
    loop.addHandler(reader, READ, () => {
      loop.removeHandler(reader);
      return call();
    });
  }
}
