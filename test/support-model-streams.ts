import { ONESHOT } from "../src/index.ts";
import { check } from "./support-model-check.ts";
import type { ModelFile } from "./support-model-file.ts";
import { isError, type Script } from "./support-model-subject.ts";
import { AwaitedSubject } from "./support-model-waits.ts";
import type { Registration } from "./support-model-watching.ts";

/** What a consumer is told when there are no more events: the end, or a failure. */
type Answer = "over" | ((reason: unknown) => boolean);

/** One who has asked for the next events, and what there is to tell, once that is known. */
interface Asked {
  answer: Answer | undefined;
}

interface Stream {
  readonly real: AsyncIterableIterator<number>;
  readonly registration: Registration;
  readonly mask: number;
  readonly controller: AbortController;
  readonly asked: Asked[];
  /** What the next one who asks is told, once. */
  failure: ((reason: unknown) => boolean) | undefined;
  over: boolean;
}

/** A subject whose events are also consumed as a stream. Those of EDGE are not modelled: they come while nobody asks. */
export class StreamedSubject extends AwaitedSubject {
  readonly #streams: Stream[] = [];
  /** Answers that are due with the next microtasks. */
  #due = 0;

  /** Opens a stream, which watches nothing until somebody asks. */
  openStream(file: ModelFile, wanted: number): void {
    const { watching } = this.model;
    const mask = file.fitting(wanted);
    const controller = new AbortController();
    const { signal } = controller;
    let real: AsyncIterableIterator<number>;
    try {
      real = this.loop.events(file.near, mask, { signal });
    } catch (error) {
      check(isError(error, "EEXIST") && watching.registrations.has(file.near), String(error));
      return;
    }
    check(!watching.registrations.has(file.near), "events() took an fd that has a handler");
    const registration = watching.add(file, file.near, 0);
    this.#streams.push({
      ...{ real, registration, mask, controller, asked: [], failure: undefined, over: false },
    });
  }

  /** Asks one of the streams for its next events; -1 is the newest. */
  ask(which: number, script: Script): void {
    const stream = this.#streams.at(which % (this.#streams.length || 1));
    // The kernel may refuse a number that was closed.
    if (stream === undefined || (stream.registration.file === undefined && !stream.over)) return;
    const asked: Asked = { answer: undefined };
    if (stream.failure !== undefined) asked.answer = stream.failure;
    else if (stream.over) asked.answer = "over";
    if (asked.answer !== undefined) this.#due++;
    stream.failure = undefined;
    stream.real.next().then(
      ({ value, done }) => this.#told(stream, asked, script, done === true ? "over" : value),
      (reason) => this.#told(stream, asked, script, { reason }),
    );
    if (stream.over) return;
    stream.asked.push(asked);
    if (stream.asked.length === 1) this.change(stream.registration, stream.mask);
  }

  /** Ends one of the streams: as a consumer does who leaves, or by an abort. */
  leave(which: number, aborts: boolean): void {
    const stream = this.#streams[which % (this.#streams.length || 1)];
    if (stream === undefined) return;
    if (aborts) {
      const reason = new Error("aborted");
      this.#fail(stream, (given) => given === reason);
      stream.controller.abort(reason);
      return;
    }
    stream.failure = undefined;
    for (const asked of this.#end(stream)) this.#answer(asked, "over");
    stream.real.return?.();
  }

  override update(fd: number, mask: number): void {
    // The mask of a stream is the loop's affair.
    if (this.#streamOf(fd) === undefined) super.update(fd, mask);
  }

  override close(file: ModelFile, which: number): void {
    for (const stream of this.#streams) {
      this.#fail(stream, (reason) => isError(reason, "ERR_LOOP_CLOSED"));
    }
    super.close(file, which);
  }

  override get owesAnswer(): boolean {
    return this.#due > 0 || super.owesAnswer;
  }

  protected override forgotten(fd: number): void {
    const stream = this.#streamOf(fd);
    if (stream !== undefined) this.#fail(stream, (reason) => isError(reason, "ECANCELED"));
    else super.forgotten(fd);
  }

  #told(
    stream: Stream,
    asked: Asked,
    script: Script,
    what: number | "over" | { readonly reason: unknown },
  ): void {
    const { answer } = asked;
    this.guarded(() => {
      if (answer !== undefined) {
        this.#due--;
        const right =
          answer === "over"
            ? what === "over"
            : typeof what === "object" && typeof answer === "function" && answer(what.reason);
        check(right, "a stream that has ended tells its end, or its failure once");
        return;
      }
      check(typeof what === "number", "a stream does not end by itself");
      const { registration, mask } = stream;
      this.model.handlerCalled((batch) => {
        this.model.watching.called(registration, what, batch);
      });
      check(stream.asked.shift() === asked, "who asked first is told first");
      this.tally.note("a stream told");
      const oneShot = (mask & ONESHOT) !== 0;
      if (stream.asked.length > 0) {
        if (oneShot) this.change(registration, mask);
      } else if (!oneShot) this.change(registration, 0);
      this.model.call(script);
    });
  }

  /** The first who has asked hears of a failure, or the next who asks. */
  #fail(stream: Stream, failure: (reason: unknown) => boolean): void {
    if (stream.over) return;
    const [first, ...others] = this.#end(stream);
    if (first === undefined) stream.failure = failure;
    else this.#answer(first, failure);
    for (const asked of others) this.#answer(asked, "over");
    this.tally.note("a stream ended by a failure");
  }

  #answer(asked: Asked, answer: Answer): void {
    asked.answer = answer;
    this.#due++;
  }

  #end(stream: Stream): Asked[] {
    const { watching } = this.model;
    stream.over = true;
    if (watching.isCurrent(stream.registration)) {
      watching.registrations.delete(stream.registration.fd);
    }
    return stream.asked.splice(0);
  }

  #streamOf(fd: number): Stream | undefined {
    return this.#streams.find(({ registration, over }) => registration.fd === fd && !over);
  }
}
