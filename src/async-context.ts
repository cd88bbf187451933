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

/** How brief functions are treated: looked at, taken as they are, or bound unseen. */
let brief: "look" | "take" | "bind" = "look";
let looks = 0;

/** Calls a function in no context; undefined as long as no context was ever seen, and plain calls do. */
export let outside: Snapshot | undefined;

/** Resolved when the first context is seen. A reaction runs in the context it was made in: here none. */
let seen: (() => void) | undefined;
new Promise<void>((resolve) => {
  seen = resolve;
}).then(() => {
  if (!TELLING || isEmpty()) outside = asyncLocalStorage().snapshot();
});

/** `func` within the AsyncLocalStorage context of now; `func` itself where there is none, which costs nothing. */
export function bindContext<Func extends (...args: never[]) => unknown>(func: Func): Func {
  return TELLING && isEmpty() ? func : bind(func);
}

/** The same for what is called once, and may be made by the million. */
export function bindBrief<Func extends (...args: never[]) => unknown>(func: Func): Func {
  if (brief === "take") return func;
  if (brief === "bind" || !TELLING || !isEmpty()) return bind(func);
  if (++looks === LOOKS_MOST) awaitContexts();
  return func;
}

/** At the start of a run: keeps the caller's context from what was added without one. */
export function leaveContext(): void {
  if (outside === undefined && (!TELLING || !isEmpty())) seen?.();
}

function bind<Func extends (...args: never[]) => unknown>(func: Func): Func {
  seen?.();
  const within = asyncLocalStorage().snapshot() as (func: Func, ...args: unknown[]) => unknown;
  return ((...args: unknown[]) => within(func, ...args)) as unknown as Func;
}

function isEmpty(): boolean {
  const timer = setTimeout(ignore, NEVER_MS) as unknown as { readonly _onTimeout: unknown };
  clearTimeout(timer as unknown as Timer);
  return timer._onTimeout === ignore;
}

function ignore(): void {}

function asyncLocalStorage() {
  return process.getBuiltinModule("node:async_hooks").AsyncLocalStorage;
}

/**
 * A context begins with one of two methods. Until one of them is called there is none to look for: each is
 * replaced by one that says so, brings both back, and goes on as before.
 */
function awaitContexts(): void {
  const { prototype } = asyncLocalStorage();
  const { run, enterWith } = prototype;
  const begun = (): void => {
    Object.assign(prototype, { run, enterWith });
    brief = "bind";
  };
  Object.assign(prototype, {
    run(this: typeof prototype, ...args: Parameters<typeof run>) {
      begun();
      return run.apply(this, args);
    },
    enterWith(this: typeof prototype, store: unknown) {
      begun();
      enterWith.call(this, store);
    },
  });
  brief = "take";
}
