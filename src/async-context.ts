import { native } from "./native.ts";

type Snapshot = <Args extends unknown[], Result>(
  func: (...args: Args) => Result,
  ...args: Args
) => Result;

/**
 * The Buns whose timers tell whether there is a context: `_onTimeout` is the function that was given, or an
 * object of Bun's own around it. That is not documented, so any other Bun binds everything.
 */
const TELLING = ["1.4.3", "1.4.4", "1.4.5"].includes(Bun.version);
const NEVER_MS = 0x7fffffff;
/** A look costs 300 ns; what ends the looking, loading node:async_hooks, costs 2.5 ms. */
const LOOKS_MOST = 1024;
/** Far less than loading node:async_hooks takes, and far more than finding it loaded. */
const LOADED_WITHIN_NS = 200_000;

/** Whether contexts are looked for; else one was met, or the first one will tell of itself. */
export let looking = TELLING;
let looks = 0;
/** Whether a context was ever met, or may have been: what is called once is then bound without a look. */
let met = !TELLING;

/** Calls a function in no context; undefined as long as no context was met, and plain calls do. */
export let outside: Snapshot | undefined;

/** A reaction runs in the context it was made in: here none. */
let rememberOutside: (() => void) | undefined;
new Promise<void>((resolve) => {
  rememberOutside = resolve;
}).then(() => {
  if (!TELLING || isEmpty()) outside = asyncLocalStorage().snapshot();
});

/** `func` within the AsyncLocalStorage context of now; `func` itself where there is none, which costs nothing. */
export function bindContext<Func extends (...args: never[]) => unknown>(func: Func): Func {
  return TELLING && isEmpty() ? func : bind(func);
}

/** The same for what is called once, and may be made by the million. */
export function bindBrief<Func extends (...args: never[]) => unknown>(func: Func): Func {
  return met || (looking && look()) ? bind(func) : func;
}

/** At the start of a run: keeps the caller's context from what was added without one. */
export function leaveContext(): void {
  if (!met && !isEmpty()) meet();
}

/** Looks for a context, while there is looking: true when one was met, and `outside` comes with the microtasks. */
export function look(): boolean {
  if (!isEmpty()) {
    meet();
    return true;
  }
  looks++;
  if (looks === LOOKS_MOST) awaitContexts();
  return false;
}

function bind<Func extends (...args: never[]) => unknown>(func: Func): Func {
  meet();
  const within = asyncLocalStorage().snapshot() as (func: Func, ...args: unknown[]) => unknown;
  return ((...args: unknown[]) => within(func, ...args)) as unknown as Func;
}

function meet(): void {
  met = true;
  looking = false;
  rememberOutside?.();
}

function isEmpty(): boolean {
  const timer = setTimeout(ignore, NEVER_MS) as unknown as { readonly _onTimeout: unknown };
  clearTimeout(timer as unknown as Timer);
  return timer._onTimeout === ignore;
}

function ignore(): void {}

/** Not the time that passes: the thread may be interrupted for as long as loading takes. NaN where it is not known. */
function threadCpuNs(): number {
  const cpuNs = new Float64Array(1);
  return native().ioloop_thread_cpu(cpuNs) < 0 ? Number.NaN : (cpuNs[0] as number);
}

function asyncLocalStorage() {
  return process.getBuiltinModule("node:async_hooks").AsyncLocalStorage;
}

/**
 * A context begins with one of two methods. So many looks have met none that one is waited for instead: each method
 * is replaced by one that says so, brings both back, and goes on as before. A program that has loaded node:async_hooks
 * itself may have a context that waits somewhere; that it has shows in how long loading computes.
 */
function awaitContexts(): void {
  // Its first call takes longer than finding a module does.
  process.getBuiltinModule("none");
  const began = threadCpuNs();
  const { prototype } = asyncLocalStorage();
  // NaN is no evidence either.
  if (!(threadCpuNs() - began >= LOADED_WITHIN_NS)) {
    meet();
    return;
  }
  const { run, enterWith } = prototype;
  const announcing = {
    run(this: typeof prototype, ...args: Parameters<typeof run>) {
      begun();
      return run.apply(this, args);
    },
    enterWith(this: typeof prototype, store: unknown) {
      begun();
      enterWith.call(this, store);
    },
  };
  const begun = (): void => {
    // Where somebody has wrapped one since, it stays within.
    if (prototype.run === announcing.run) prototype.run = run;
    if (prototype.enterWith === announcing.enterWith) prototype.enterWith = enterWith;
    meet();
  };
  Object.assign(prototype, announcing);
  looking = false;
}
