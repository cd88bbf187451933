import { type FdLike, IOLoopError, type LoopMetrics, type Waker, wake } from "../src/index.ts";
import { check } from "./support-model-check.ts";
import { checkClosed } from "./support-model-closed.ts";
import type { ModelFile } from "./support-model-file.ts";
import { CALLBACKS, INTERVALS, TIMEOUTS } from "./support-model-schedule.ts";
import { isError, type Script, Subject } from "./support-model-subject.ts";
import { Registration } from "./support-model-watching.ts";

/** How well a loop knows the wall clock, of which it is told whole milliseconds. */
const CLOCKS_MS = 3.2;

/** A subject of which a program asks things: each answer is held against the model's. */
export class AskedSubject extends Subject {
  #waker: Waker | undefined;
  #lastWakerId = 0;
  #fd: number | undefined;
  #metrics: LoopMetrics | undefined;

  add(file: ModelFile, target: FdLike, wanted: number, script: Script): void {
    const { watching } = this.model;
    const mask = file.fitting(wanted);
    const fd = file.near;
    const taken = watching.registrations.get(fd);
    const marker = new Registration(file, target, mask, 0);
    let registration = marker;
    const handler = (arg: Registration, given: FdLike, events: number): unknown => {
      check(arg === marker && given === target, "arg first, then the target as registered");
      this.model.handlerCalled((batch) => watching.called(registration, events, batch));
      return this.call(script, "handler", fd, () => {
        if (watching.isCurrent(registration)) watching.registrations.delete(fd);
      });
    };
    try {
      check(this.loop.addHandler(target, mask, handler, marker), "addHandler answers true");
      check(taken === undefined, `addHandler took fd ${fd} twice`);
      registration = watching.add(file, target, mask);
    } catch (error) {
      check(isError(error, "EEXIST") && taken !== undefined, String(error));
      this.tally.note(taken.file === file ? "EEXIST" : "EEXIST for a closed file's number");
    }
  }

  update(fd: number, wanted: number): void {
    const registration = this.model.watching.registrations.get(fd);
    const mask = registration?.file?.fitting(wanted) ?? wanted;
    try {
      check(this.loop.updateHandler(fd, mask), "updateHandler answers true");
    } catch (error) {
      if (!(error instanceof IOLoopError)) throw error;
      // The kernel may refuse a number that was closed; then the old mask stays.
      const refusable = registration !== undefined && registration.file === undefined;
      const right = refusable ? !this.model.deferring : error.code === "ENOENT" && !registration;
      check(right, String(error));
      if (registration !== undefined) registration.refused = true;
      this.tally.note(refusable ? "an update refused at once" : "ENOENT");
      return;
    }
    check(registration !== undefined, `updateHandler knew fd ${fd}, which has no handler`);
    this.change(registration, mask);
  }

  /** Pauses an fd, and resumes it in the next callbacks: in a run that goes on, before the kernel hears of it. */
  blink(fd: number): void {
    const { watching, due } = this.model;
    const registration = watching.registrations.get(fd);
    if (registration === undefined) return;
    const { mask } = registration;
    const dropped = due.includes(registration);
    this.update(fd, 0);
    this.addCallback(() => {
      if (watching.isCurrent(registration)) {
        const unheard = registration.mask === 0 && registration.armed === mask && mask !== 0;
        if (unheard)
          this.tally.note(`resumed ${dropped ? "after its record was dropped" : "within a batch"}`);
        this.update(fd, mask);
      }
      return { by: "returning", escapes: false };
    });
  }

  remove(fd: number): void {
    const removed = this.loop.removeHandler(fd);
    const known = this.model.watching.registrations.delete(fd);
    check(removed === known, `removeHandler(${fd}) answered ${removed}`);
    if (known) this.forgotten(fd);
    if (removed && this.model.inBatch) this.tally.note("removed within a batch");
  }

  addCallback(script: Script): void {
    const callback = this.model.schedule.addCallback();
    const returned = this.loop.addCallback(() => {
      this.model.enter(CALLBACKS);
      this.model.schedule.callbackCalled(callback);
      return this.call(script, "callback", undefined);
    });
    check(returned === this.loop, "addCallback answers the loop");
  }

  /** A timeout by delay, at a `moment` of the loop's clock, or at one of the wall clock. */
  addTimeout(how: "later" | "at" | "wall", time: number, script: Script): number {
    const run = (): unknown => {
      this.model.enter(TIMEOUTS);
      this.model.schedule.timerCalled(timer);
      return this.call(script, "timeout", ref);
    };
    const before = performance.now();
    const wall = Date.now();
    const known = performance.now();
    const [sooner, later] =
      how === "wall"
        ? [time - wall + before - CLOCKS_MS, time - wall + known + CLOCKS_MS]
        : [time, time];
    const ref =
      how === "later"
        ? this.loop.callLater(time, run)
        : how === "at"
          ? this.loop.callAt(time, run)
          : this.loop.addTimeout(time, run);
    const after = performance.now();
    const timer =
      how === "later"
        ? this.model.schedule.addTimeout(ref, Math.max(time, 0) + before, Math.max(time, 0) + after)
        : this.model.schedule.addTimeout(ref, Math.max(sooner, before), Math.max(later, after));
    return ref;
  }

  addInterval(period: number, script: Script): void {
    const beat = (): unknown => {
      this.model.enter(INTERVALS);
      this.model.schedule.timerCalled(timer);
      return this.call(script, "interval", ref);
    };
    const before = performance.now();
    const ref = this.loop.setInterval(period, beat);
    const timer = this.model.schedule.addInterval(ref, before, performance.now(), period);
  }

  /** Removes a timer, by the method of its kind and by the other, then once more. */
  cancel(which: number, used: boolean): void {
    const { schedule } = this.model;
    const timer = schedule.pick(which, used);
    const pending = schedule.isPending(timer);
    const ref = timer?.ref ?? 0;
    const cleared = this.loop.clearInterval(ref);
    check(cleared === (pending && timer?.grid !== undefined), "clearInterval knows intervals");
    const removed = this.loop.removeTimeout(ref);
    check(removed === (pending && timer?.grid === undefined), "removeTimeout knows timeouts");
    const again = this.loop.removeTimeout(ref) || this.loop.clearInterval(ref);
    check(!again, "a removed timer is not pending");
    if (timer !== undefined && pending) schedule.remove(timer);
    if (timer !== undefined && !pending) this.tally.note("a used ref removed");
  }

  /** Removes a timeout, if it is pending. */
  cancelRef(ref: number): void {
    const removed = this.loop.removeTimeout(ref);
    check(removed === this.model.schedule.removeRef(ref), "removeTimeout knows what is pending");
  }

  /** A waker in place of the one before. */
  openWaker(script: Script): void {
    this.closeWaker();
    const waker = this.loop.waker(() => {
      check(this.#waker === waker, "a closed waker's callback is not called");
      this.model.wakerCalled();
      return this.call(script, "waker", waker.id);
    });
    check(waker.id !== this.#lastWakerId, "a waker's id is never used again");
    this.#waker = waker;
    this.#lastWakerId = waker.id;
  }

  closeWaker(): void {
    this.#waker?.close();
    this.#waker?.close();
    this.#waker = undefined;
    this.model.woken = false;
  }

  wake(byId: boolean): void {
    const open = this.#waker;
    if (open !== undefined && this.model.woken) this.tally.note("wakes merged");
    const heard = byId || open === undefined ? wake(this.#lastWakerId) : open.wake();
    check(heard === (open !== undefined), `wake answered ${heard}`);
    if (open !== undefined) this.model.wake();
  }

  /** What only looks. */
  look(): void {
    const { model } = this;
    check(this.loop.running() === model.running, "running() tells whether a run is in progress");
    check(!this.loop.closed, "closed tells whether close() was called");
    const before = performance.now();
    const wait = this.loop.pollTimeout();
    const time = this.loop.time();
    check(before <= time && time <= performance.now(), "time() is the monotonic clock");
    const unsure = model.inBatch || model.expires;
    const least = unsure ? 0 : model.schedule.untilNext(performance.now()).least;
    const { most } = model.schedule.untilNext(before);
    check(least <= wait && wait <= most, `pollTimeout() is ${wait}, not from ${least} to ${most}`);
    if (model.isUnfinished) check(wait === 0, "what is left of a batch is to be done now");
  }

  /** What the loop counts is what the model has counted. */
  measure(): void {
    const { called, passes, expiries } = this.model;
    const [timeouts = 0, intervals = 0, callbacks = 0, , handlers = 0] = called;
    const before = this.#metrics;
    const metrics = this.loop.metrics(before);
    check(before === undefined || metrics === before, "metrics() fills what it is given");
    this.#metrics = metrics;
    const { iterations } = metrics;
    const turned = this.model.idles ? iterations >= passes : iterations === passes;
    check(turned, `${iterations} iterations, not ${passes}`);
    check(metrics.callbacks === callbacks, `${metrics.callbacks} callbacks, not ${callbacks}`);
    check(metrics.events === handlers, `${metrics.events} events, not ${handlers}`);
    const timers = timeouts + intervals;
    const right = metrics.timers >= timers && metrics.timers <= timers + expiries;
    check(right, `${metrics.timers} timers, not ${timers}`);
    const { busyMs, waitingMs, utilisation } = metrics;
    check(busyMs >= 0 && waitingMs >= 0 && utilisation <= 1, "times go on, and one at a time");
  }

  get fd(): number {
    const { fd } = this.loop;
    this.#fd ??= fd;
    check(fd >= 0 && fd === this.#fd, "fd stays the same");
    return fd;
  }

  stop(): void {
    this.loop.stop();
    this.model.stopping = true;
    if (this.model.running)
      this.tally.note(this.model.inBatch ? "stop() within a batch" : "stop() within a run");
  }

  /** Closes the loop: whatever is asked of it from now on it refuses. */
  close(file: ModelFile, which: number): void {
    if (this.model.running) this.tally.note("close() within a run");
    this.loop.close();
    this.model.close();
    this.#waker = undefined;
    checkClosed(this.loop, file, which);
    check(!wake(this.#lastWakerId), "the wakers of a closed loop wake nobody");
  }
}
