type Snapshot = <Args extends unknown[], Result>(
  func: (...args: Args) => Result,
  ...args: Args
) => Result;

/** Those of now: a program may put others in their place. */
const { setTimeout, clearTimeout } = globalThis;
const NEVER_MS = 0x7fffffff;

/**
 * The Buns whose timers tell whether there is a context: `_onTimeout` is the function that was given, or an
 * object of Bun's own around it. That is not documented, so any other Bun binds everything, and so does a module that
 * is itself loaded within a context, which then knows of no way out.
 */
const TELLING = ["1.4.3", "1.4.4", "1.4.5"].includes(Bun.version) && isEmpty();
/** A look costs 300 ns; what ends the looking, loading node:async_hooks, costs 2.5 ms. */
const LOOKS_MOST = 1024;

/**
 * Whether each call looks for a context itself: no longer once one was met, or once AsyncLocalStorage will announce
 * the first one.
 */
export let looking = TELLING;
let looks = 0;
/** Whether a context was ever met, or may have been: what is called once is then bound without a look. */
let met = !TELLING;

/** Calls a function in no context; undefined as long as no context was met, and plain calls do. */
export let outside: Snapshot | undefined;

/** A reaction runs in the context it was made in: here none. */
let rememberOutside: (() => void) | undefined;
if (TELLING) {
  new Promise<void>((resolve) => {
    rememberOutside = resolve;
  }).then(() => {
    outside = asyncLocalStorage().snapshot();
  });
}

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
  const timer = setTimeout(ignore, NEVER_MS) as unknown as { readonly _onTimeout?: unknown };
  clearTimeout(timer as unknown as Timer);
  return timer?._onTimeout === ignore;
}

function ignore(): void {}

function asyncLocalStorage() {
  return process.getBuiltinModule("node:async_hooks").AsyncLocalStorage;
}

/**
 * A context begins with one of two methods. So many looks have met none that one is waited for instead: each method
 * is replaced by one that says so, brings both back, and goes on as before. A program that has loaded node:async_hooks
 * itself may have a context that waits somewhere.
 */
function awaitContexts(): void {
  if (!loadsNow()) {
    meet();
    return;
  }
  const { prototype } = asyncLocalStorage();
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

/**
 * Loads node:async_hooks; true where nobody had before. Its body, which is run once, makes symbols: that tells, at any
 * speed of the machine. Where it cannot be seen, as with frozen globals, the module counts as loaded before.
 */
function loadsNow(): boolean {
  const usual = Object.getOwnPropertyDescriptor(globalThis, "Symbol");
  if (usual?.configurable !== true) return false;
  const makeSymbol = globalThis.Symbol;
  let ran = false;
  const get = (): typeof makeSymbol => {
    ran = true;
    return makeSymbol;
  };
  Object.defineProperty(globalThis, "Symbol", { configurable: true, get });
  try {
    asyncLocalStorage();
  } finally {
    Object.defineProperty(globalThis, "Symbol", usual);
  }
  return ran;
}
