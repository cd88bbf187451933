/** The steps of a pass that call somebody, in their order. */
const TIMEOUTS = 0;
const CALLBACKS = 1;
export const HANDLERS = 2;

export interface Timer {
  readonly ref: number;
  /** Its deadline lies between these. */
  readonly lower: number;
  readonly upper: number;
  readonly sequence: number;
  /** The pass that it was added in, if one ran. */
  readonly addedIn: number | undefined;
}

export interface QueuedCallback {
  /** The pass that it belongs to. */
  readonly pass: number;
}

/** Fails the test with what the model expected. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** A naive model of passes: when which timer and callback runs. */
export class ScheduleModel {
  readonly #timers: Timer[] = [];
  readonly #callbacks: QueuedCallback[] = [];
  #sequence = 0;
  #pass = 0;
  #phase = TIMEOUTS;
  #began = 0;
  #last: Timer | undefined;

  running = false;

  begin(): void {
    this.#pass++;
    this.running = true;
    this.#phase = TIMEOUTS;
    this.#last = undefined;
    this.#began = performance.now();
  }

  end(): void {
    this.running = false;
    const left = this.#callbacks.some(({ pass }) => pass <= this.#pass);
    check(!left, "every callback runs in the pass that it belongs to");
    const due = this.#timers.some(
      ({ upper, addedIn }) => upper <= this.#began && addedIn !== this.#pass,
    );
    check(!due, "every due timeout runs in the pass");
  }

  /** Notes that somebody of this step is called. */
  enter(phase: number): void {
    check(this.running && phase >= this.#phase, "timeouts, then callbacks, then handlers");
    this.#phase = phase;
  }

  addCallback(): QueuedCallback {
    const early = this.running && this.#phase === TIMEOUTS;
    const callback = { pass: early ? this.#pass : this.#pass + 1 };
    this.#callbacks.push(callback);
    return callback;
  }

  callbackCalled(callback: QueuedCallback): void {
    this.enter(CALLBACKS);
    check(this.#callbacks.shift() === callback, "callbacks run in the order added");
    check(callback.pass === this.#pass, "what a step adds belongs to its next pass");
  }

  addTimer(ref: number, lower: number, upper: number): Timer {
    check(!this.#timers.some((other) => other.ref === ref), "a ref names one timer");
    const addedIn = this.running ? this.#pass : undefined;
    const timer = { ref, lower, upper, sequence: this.#sequence++, addedIn };
    this.#timers.push(timer);
    return timer;
  }

  /** Forgets one of the pending timers; undefined when `which` names none. */
  takeTimer(which: number): Timer | undefined {
    return this.#timers.splice(which % (this.#timers.length + 1), 1)[0];
  }

  timerCalled(timer: Timer): void {
    this.enter(TIMEOUTS);
    const at = this.#timers.indexOf(timer);
    check(at >= 0, "a timeout runs once, and not after its removal");
    this.#timers.splice(at, 1);
    check(timer.lower <= performance.now(), "a timeout is never early");
    check(timer.addedIn !== this.#pass, "a timeout waits for the pass after the one that added it");
    const last = this.#last;
    this.#last = timer;
    if (last === undefined) return;
    check(timer.upper >= last.lower, "timeouts run in the order of their deadlines");
    const exact = timer.lower === timer.upper && last.lower === last.upper;
    const equal = exact && timer.lower === last.lower;
    check(!equal || timer.sequence > last.sequence, "equal deadlines run in the order added");
  }
}
