import { check } from "./support-model-check.ts";

/** The steps of a pass that call somebody, in their order. */
export const TIMEOUTS = 0;
export const INTERVALS = 1;
export const CALLBACKS = 2;
export const WAKERS = 3;
export const HANDLERS = 4;
export const CALLED = ["timeout", "interval", "callback", "waker", "handler"] as const;

/** A timeout or an interval. The exact moments are the loop's: the model knows bounds of them. */
export interface Timer {
  /** Undefined where the program is told none. */
  readonly ref: number | undefined;
  /** When an interval was set; undefined for a timeout. */
  readonly grid:
    | { readonly earliest: number; readonly latest: number; readonly period: number }
    | undefined;
  /** Its deadline lies between these. */
  lower: number;
  upper: number;
  readonly sequence: number;
  /** The pass that it was added in or last ran in, and the step. */
  pass: number;
  step: number;
}

/** A naive model of the first steps of a pass: when which timer and callback runs. */
export class Schedule {
  #timers: Timer[] = [];
  readonly #used: Timer[] = [];
  /** The callbacks of this pass, or those that a pass which was broken off has left; and those of the next one. */
  #current: object[] = [];
  #next: object[] = [];
  #sequence = 0;
  #pass = 0;
  #step = HANDLERS;
  #running = false;
  /** When the last call ended: the loop looks at the clock after that. */
  #quietSince = 0;
  #began = 0;
  #last: Timer | undefined;

  get step(): number {
    return this.#step;
  }

  beginPass(): void {
    this.#pass++;
    this.#running = true;
    this.#step = TIMEOUTS;
    this.#last = undefined;
    this.#began = this.#quietSince;
  }

  /** Whether a call in `step` belongs to another pass than this one. */
  isOver(step: number): boolean {
    return (
      step < this.#step || (step === CALLBACKS && this.#step === step && this.#current.length === 0)
    );
  }

  /** Moves on within the pass. */
  stepTo(step: number): void {
    if (this.#step < CALLBACKS && step >= CALLBACKS && this.#current.length === 0) {
      this.#current = this.#next;
      this.#next = [];
    }
    this.#step = step;
  }

  /** The pass goes to its wait: nobody may have been left out. */
  finishCalls(): void {
    if (this.#step < WAKERS) this.stepTo(WAKERS);
    check(this.#current.length === 0, "every callback runs in the pass that it belongs to");
    const missed = this.#timers.some(
      ({ upper, pass }) => upper <= this.#began && pass < this.#pass,
    );
    check(!missed, "every due timeout and interval runs in the pass");
  }

  /** The pass is over, or was broken off. */
  leavePass(): void {
    this.#running = false;
    this.#step = HANDLERS;
  }

  /** A call has ended, or a run begins. */
  quiet(): void {
    this.#quietSince = performance.now();
  }

  addCallback(): object {
    const callback = {};
    this.#next.push(callback);
    return callback;
  }

  callbackCalled(callback: object): void {
    check(this.#current.shift() === callback, "callbacks run in the order added, in their pass");
  }

  addTimeout(ref: number | undefined, lower: number, upper: number): Timer {
    return this.#add(ref, lower, upper, undefined);
  }

  addInterval(ref: number, earliest: number, latest: number, period: number): Timer {
    return this.#add(ref, earliest + period, latest + period, { earliest, latest, period });
  }

  /** One of the timers that are pending, or with `used` of those that are not; undefined when there is none. */
  pick(which: number, used: boolean): Timer | undefined {
    const timers = (used ? this.#used : this.#timers).filter(({ ref }) => ref !== undefined);
    return timers[which % (timers.length || 1)];
  }

  isPending(timer: Timer | undefined): boolean {
    return timer !== undefined && this.#timers.includes(timer);
  }

  remove(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
    this.#used.push(timer);
  }

  removeRef(ref: number): boolean {
    const timer = this.#timers.find((other) => other.ref === ref);
    if (timer !== undefined) this.remove(timer);
    return timer !== undefined;
  }

  timerCalled(timer: Timer): void {
    check(this.isPending(timer), "a timeout runs once, and nothing after its removal");
    const { lower, pass, step, grid } = timer;
    check(lower <= performance.now(), "a timer is never early");
    const sameStep = pass === this.#pass && step >= this.#step;
    check(!sameStep, "what a step adds, and a beat, waits for the next pass of the step");
    if (this.#last !== undefined) this.#checkOrder(this.#last, timer);
    this.#last = { ...timer };
    if (grid === undefined) {
      this.remove(timer);
      return;
    }
    // The next beat is the first after the loop's look at the clock, which was some time in this pass.
    const { earliest, latest, period } = grid;
    const least = Math.floor((this.#began - latest) / period) + 1;
    const most = Math.floor((performance.now() - earliest) / period) + 1;
    timer.lower = Math.max(earliest + least * period, this.#began);
    timer.upper = latest + most * period;
    timer.pass = this.#pass;
    timer.step = this.#step;
  }

  /** Bounds of the time until there is something to do, if no fd is ready. */
  untilNext(now: number): { readonly least: number; readonly most: number } {
    if (this.#current.length + this.#next.length > 0) return { least: 0, most: 0 };
    const least = Math.min(...this.#timers.map(({ lower }) => lower)) - now;
    const most = Math.min(...this.#timers.map(({ upper }) => upper)) - now;
    return { least: Math.max(least, 0), most: Math.max(most, 0) };
  }

  #add(ref: number | undefined, lower: number, upper: number, grid: Timer["grid"]): Timer {
    const same = [...this.#timers, ...this.#used].some((other) => other.ref === ref);
    check(!same || ref === undefined, "a ref names one timer for the life of the loop");
    const pass = this.#running ? this.#pass : 0;
    const timer = { ref, grid, lower, upper, sequence: this.#sequence++, pass, step: this.#step };
    this.#timers.push(timer);
    return timer;
  }

  #checkOrder(last: Timer, timer: Timer): void {
    if ((last.grid === undefined) !== (timer.grid === undefined)) return;
    check(timer.upper >= last.lower, "timers run in the order of their deadlines");
    const exact = timer.lower === timer.upper && last.lower === last.upper;
    const equal = exact && timer.lower === last.lower;
    check(!equal || timer.sequence > last.sequence, "equal deadlines run in the order added");
  }
}
