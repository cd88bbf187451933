import { check, type Tally } from "./support-model-check.ts";
import { CALLED, HANDLERS, Schedule, WAKERS } from "./support-model-schedule.ts";
import { type Batch, type Registration, Watching } from "./support-model-watching.ts";

/** Longer than it takes to begin a run. */
const A_WHILE_MS = 1000;

/** A run that is under way: one pass, or as many as it takes. */
interface Run {
  readonly many: boolean;
  /** Whether what it runs for has come: it then ends before a wait. */
  readonly done: () => boolean;
  /** Handlers called. */
  calls: number;
  inPass: boolean;
  waited: boolean;
}

/**
 * A naive model of a loop: whose turn it is. A pass has no sign of its own, so each call tells whether it belongs to
 * this pass or begins the next one; what a pass had to do is looked at when it is over.
 */
export class LoopModel {
  readonly schedule = new Schedule();
  readonly watching = new Watching();
  readonly #room: number;
  readonly #tally: Tally;
  #run: Run | undefined;
  /** What the last wait found, until it is dispatched; an error that leaves the run leaves some of it for the next. */
  #batch: Batch | undefined;
  stopping = false;
  closed = false;
  /** What the loop has done so far: passes, waits, calls in each step. */
  passes = 0;
  waits = 0;
  readonly called = CALLED.map(() => 0);
  /** Whether the waker was woken and its callback not called yet, and whether a wake may end the next wait. */
  woken = false;
  signalled = false;
  /** Of the wait of this pass: whether the waker's callback may be called after it, and whether it must. */
  #mayWake = false;
  #mustWake = false;
  /** What was found where it could not be thrown. */
  failure: unknown;
  /** Whether a run has a timer of its own, which is due; and how many had. */
  expires = false;
  expiries = 0;
  /** Whether Bun's loop turns it also with nobody to call: the loop's own count then tells one turn from the next. */
  idles = false;
  readonly #turns: () => number;
  #turn = 0;

  /** Those that Bun's loop turns: between the turns of one the others have theirs. */
  readonly #hosted: Set<LoopModel>;
  /** Calls that are under way, one inside the other. */
  #calls = 0;

  constructor(room: number, tally: Tally, hosted: Set<LoopModel>, turns: () => number) {
    this.#turns = turns;
    this.#room = room;
    this.#tally = tally;
    this.#hosted = hosted;
  }

  get running(): boolean {
    return this.#run !== undefined;
  }

  /** Whether updates wait for the end of a batch. */
  get deferring(): boolean {
    const betweenTurns = this.#hosted.has(this) && this.#calls === 0;
    return (this.running && !betweenTurns) || this.#batch !== undefined;
  }

  /** Whether records may be left of a batch. */
  get inBatch(): boolean {
    return this.#batch !== undefined;
  }

  /** Those that the rest of this batch is for. */
  get due(): readonly Registration[] {
    return this.#batch === undefined ? [] : this.watching.due(this.#batch);
  }

  /** Whether some are, which the next run begins with. */
  get isUnfinished(): boolean {
    return this.#batch !== undefined && !this.running;
  }

  /** Whether the next wait ends at once: something is there, and no call comes before that could take it away. */
  get endsWait(): boolean {
    if (this.schedule.untilNext(performance.now()).least < A_WHILE_MS) return false;
    if (this.stopping || this.woken || this.isUnfinished) return true;
    return this.watching.tells(false).surely;
  }

  /** Whether a turn by Bun's loop is to come now, in which somebody is called or the run ends. */
  get owesTurn(): boolean {
    if (this.closed || !this.running) return false;
    const due = this.schedule.untilNext(performance.now()).most === 0;
    return due || this.stopping || this.woken || this.watching.tells(false).surely;
  }

  get inCall(): boolean {
    return this.#calls > 0;
  }

  /** Bun's loop does something else: no turn is under way, and the next one looks at the clock after this. */
  rest(): void {
    if (this.closed) return;
    this.#endTurn();
    this.schedule.quiet();
  }

  rethrow(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  begin(many: boolean, done: () => boolean = never): void {
    check(!this.running, "a loop does not run inside itself");
    this.#run = { many, done, calls: 0, inPass: false, waited: false };
    this.schedule.quiet();
    if (!many) this.#beginPass(this.#run);
  }

  /** Does what the loop has called somebody for. */
  call<T>(script: () => T): T {
    this.#calls++;
    try {
      return script();
    } finally {
      this.#calls--;
      this.schedule.quiet();
    }
  }

  /** Somebody is called in this step. */
  enter(step: number): void {
    this.rethrow();
    const run = this.#run;
    check(!this.closed, "nobody is called after close()");
    check(run !== undefined, "nobody is called outside a run");
    for (const other of this.#hosted) if (other !== this) other.#endTurn();
    const counted = this.idles && this.#hosted.has(this);
    if (counted) this.#turnTo(this.#turns());
    if (run.inPass && this.schedule.isOver(step)) {
      check(
        run.many && !counted,
        "timeouts, intervals, callbacks, wakers, handlers: in that order",
      );
      check(!this.stopping, "the loop ends after the pass in which it was stopped");
      check(!run.done(), "the run ends with what it runs for");
      this.#endPass(run, this.#hosted.has(this));
    }
    if (!run.inPass) this.#beginPass(run);
    this.schedule.stepTo(step);
    this.called[step] = (this.called[step] ?? 0) + 1;
    this.#tally.note(`${CALLED[step]} called`);
    if (step === WAKERS) check(this.#batch === undefined || run.waited, "no wait within a batch");
    if (step >= WAKERS) this.#wait(run);
  }

  handlerCalled(call: (batch: Batch) => void): void {
    this.enter(HANDLERS);
    if (this.#batch === undefined || this.#run === undefined) throw new Error("no batch");
    call(this.#batch);
    this.#run.calls++;
  }

  wakerCalled(): void {
    this.enter(WAKERS);
    check(
      this.#mayWake,
      "a waker's callback is called once for all wakes that came before the wait",
    );
    this.woken = false;
    this.signalled = false;
    this.#mayWake = false;
    this.#mustWake = false;
  }

  wake(): void {
    this.woken = true;
    this.signalled = true;
  }

  /** The run is over; `left`: by an error. Returns how many handlers were called. */
  end(left: boolean): number {
    const run = this.#run;
    if (run === undefined) throw new Error("no run");
    if (!this.closed) {
      if (left) this.#breakOff(run);
      else if (run.inPass) this.#endPass(run, true);
      else this.#leavePass(run, true);
      if (run.many && !left) check(this.stopping || run.done(), "a run ends when it was asked to");
    }
    this.#run = undefined;
    this.stopping = false;
    return run.calls;
  }

  close(): void {
    this.closed = true;
    this.#batch = undefined;
    this.watching.registrations.clear();
  }

  /** Whether an error may leave the run here: the model must know what is left of the batch, and who is left. */
  get mayBreakOff(): boolean {
    if (this.closed) return true;
    if (this.watching.mayRefuse) return false;
    if (this.#batch === undefined || this.#run?.waited === false) return true;
    return this.watching.isLeft(this.#batch) !== undefined;
  }

  /** Another loop has its turn, so this one's is over. */
  #endTurn(): void {
    if (this.#run?.inPass && this.#calls === 0) this.#endPass(this.#run, true);
  }

  #turnTo(turn: number): void {
    if (turn === this.#turn) return;
    this.#turn = turn;
    this.#endTurn();
  }

  #beginPass(run: Run): void {
    this.passes++;
    this.schedule.beginPass();
    run.inPass = true;
    run.waited = false;
  }

  #wait(run: Run): void {
    if (run.waited) return;
    check(!run.done(), "there is no wait after what the run is for has come");
    this.schedule.finishCalls();
    run.waited = true;
    if (this.#batch !== undefined) {
      this.#tally.note("the rest of a batch that was broken off");
      return;
    }
    this.waits++;
    this.watching.flush();
    this.#batch = this.watching.look(this.#room, this.signalled);
    const told = [...this.#batch.seen.values()].filter((seen) => seen.told).length;
    if (told > 1) this.#tally.note("several ready at once");
    if (told > this.#room) this.#tally.note("more ready than maxEvents");
    const fits = told + this.#batch.unsure <= this.#room;
    this.#mayWake = this.woken;
    this.#mustWake = this.woken && fits;
    if (fits) this.signalled = false;
  }

  /** `flushes`: the loop lets go of the thread, and the kernel is told what the pass has changed. */
  #endPass(run: Run, flushes: boolean): void {
    // Before the wait it may be over already, and what was left of a batch is then left again.
    if (!run.waited && run.done()) {
      this.schedule.finishCalls();
      this.#tally.note("runUntil ends before a wait");
    } else {
      this.#wait(run);
      check(!this.#mustWake, "a wake is heard in the wait that it ends");
      if (this.#batch !== undefined) this.watching.finish(this.#batch);
      this.#batch = undefined;
    }
    this.#leavePass(run, flushes);
  }

  #breakOff(run: Run): void {
    this.#tally.note("a pass broken off by an error");
    if (run.waited && this.#batch !== undefined && this.watching.isLeft(this.#batch) === false) {
      this.#batch = undefined;
    }
    this.#leavePass(run, true);
  }

  #leavePass(run: Run, flushes: boolean): void {
    if (flushes && this.#batch === undefined) this.watching.flush();
    this.schedule.leavePass();
    run.inPass = false;
  }
}

function never(): boolean {
  return false;
}
