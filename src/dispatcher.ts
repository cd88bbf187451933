import { RECORD_FD, RECORD_WORD, RECORD_WORDS } from "./abi.ts";
import type { Calls } from "./calls.ts";
import { HandlerTable } from "./handlers.ts";
import type { Metrics } from "./metrics.ts";
import { INTERRUPTED, type Poller } from "./poller.ts";

/** The last step of an iteration: the wait for ready fds, and the calls of their handlers, a batch at a time. */
export class Dispatcher {
  readonly handlers: HandlerTable;
  readonly #poller: Poller;
  readonly #calls: Calls;
  readonly #metrics: Metrics;
  /** Who hears of wakes, before any fd of the batch; must not throw. Nobody as long as there is no waker. */
  onWoken: (() => void) | undefined;

  /** The batch being dispatched; what an exception left of it comes first in the next iteration. */
  #next = 0;
  #ready = 0;

  constructor(poller: Poller, calls: Calls, metrics: Metrics) {
    this.#poller = poller;
    this.#calls = calls;
    this.#metrics = metrics;
    this.handlers = new HandlerTable(poller);
  }

  /** Whether an error left something of the last batch. */
  get unfinished(): boolean {
    return this.#next < this.#ready;
  }

  /** Brings the kernel up to date; a report of what it refused may update handlers again, or end the run. */
  prepare(): void {
    do this.handlers.registrations.flush();
    while (this.reportRefusals());
  }

  /** Waits until `end`, on `performance.now()`, at most `maxWait` milliseconds; 0 does not wait. */
  wait(end: number, maxWait: number): void {
    const poller = this.#poller;
    this.#next = 0;
    this.#ready = 0;
    // The kernel has nothing to tell a loop that has never watched an fd, nor has a waker.
    if (end === 0 && !this.handlers.registrations.used && this.onWoken === undefined) return;
    this.#metrics.measured?.beginWaiting();
    const timeoutMs = waitMs(end, maxWait);
    let ready = poller.wait(timeoutMs);
    if (ready === INTERRUPTED || (ready === 0 && timeoutMs > 0 && timeoutMs < maxWait)) {
      ready = this.#waitOn(ready, Math.min(end, performance.now() + maxWait));
    }
    this.#ready = ready;
    this.#metrics.measured?.endWaiting();
    if (!poller.woken) return;
    this.onWoken?.();
    this.#calls.drain();
  }

  /** Waits on until `end`: a signal takes nothing from a wait, and the kernel may end one shortly before its time. */
  #waitOn(outcome: number, end: number): number {
    const poller = this.#poller;
    let ready = outcome;
    while (ready === INTERRUPTED || (ready === 0 && !poller.woken)) {
      const timeoutMs = waitMs(end, Number.POSITIVE_INFINITY);
      if (timeoutMs === 0 && ready === 0) break;
      ready = poller.wait(timeoutMs);
    }
    return ready;
  }

  /** The hot path: calls the handlers of the batch, with no allocation per event; returns how many it called. */
  dispatch(): number {
    const { handlers } = this;
    const { registrations } = handlers;
    const { records } = this.#poller;
    const calls = this.#calls;
    const metrics = this.#metrics;
    let called = 0;
    while (this.#next < this.#ready) {
      const at = this.#next++ * RECORD_WORDS;
      const fd = records[at + RECORD_FD] as number;
      const record = records[at + RECORD_WORD] as number;
      const events = registrations.deliverable(fd, record);
      if (events === 0) continue;
      called++;
      metrics.events++;
      const began = calls.begin();
      try {
        calls.follow(handlers.call(fd, events), "handler", fd);
      } catch (error) {
        // It would be called again at once, for ever; a handler that re-added its fd is another one.
        if (registrations.isCurrent(fd, record)) handlers.remove(fd);
        calls.report(error, "handler", fd);
      }
      calls.settle(began, "handler", fd);
    }
    return called;
  }

  /** Reports each refusal, as a call of its own; one that throws leaves the others to the next chance. */
  reportRefusals(): boolean {
    const { handlers } = this;
    let reported = false;
    for (let error = handlers.takeRefusal(); error !== undefined; error = handlers.takeRefusal()) {
      reported = true;
      this.#calls.report(error, "update", error.fd ?? -1);
      this.#calls.drain();
    }
    return reported;
  }

  clear(): void {
    this.handlers.clear();
    this.#ready = 0;
  }
}

/** Milliseconds until `end`, at most `mostMs`. */
export function waitMs(end: number, mostMs: number): number {
  if (end === 0) return 0;
  if (end === Number.POSITIVE_INFINITY) return mostMs;
  return Math.min(Math.max(end - performance.now(), 0), mostMs);
}
