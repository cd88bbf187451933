import { test } from "bun:test";
import fc from "fast-check";
import { kqueue, lacks } from "./support-backend.ts";
import { Tally } from "./support-model-check.ts";
import { OPERATION_NAMES, programs } from "./support-model-program.ts";
import { World } from "./support-model-world.ts";
import { holds, PROPERTY_LIMIT_MS } from "./support-property.ts";

// How the model is laid out, each file on those above it:
//
//   support-model-program.ts   what a random program is: operations, and scripts of the calls that they lead to
//   support-model-file.ts      sockets and pipes: what their ends are ready for
//   support-model-schedule.ts  the first steps of a pass: timeouts, intervals, callbacks
//   support-model-watching.ts  registrations, and what a kernel tells of them
//   support-model-loop.ts      passes and runs: whose turn it is
//   support-model-subject.ts   a real loop beside that model: its calls and errors; the next four add what is
//     -asked, -runs,           asked of it, its runs, promises that wait for it, and streams
//     -waits, -streams.ts
//   support-model-world.ts     loops and files together; -deeds.ts: what each operation does there

/** How many sequences come to everything for sure. */
const ENOUGH = 15_000;

/** What the sequences must come to, or they test less than they seem to. */
const OUTCOMES = [
  ...["timeout called", "interval called", "callback called", "waker called", "handler called"],
  ...["several ready at once", "removed within a batch", "wakes merged", "a used ref removed"],
  ...["stop() within a run", "stop() within a batch", "close() within a run"],
  ...["EEXIST", "ENOENT", "closed while it was watched (watched)"],
  ...["closed while it was watched (orphaned)", "a pass within another loop's"],
  ...["start refused inside itself", "start refused inside another"],
  ...["runOnce(0) refused inside itself", "runOnce(5) refused inside another"],
  ...["runUntil refused inside itself", "runUntil refused inside another"],
  ...["runUntil: resolves", "runUntil: rejects", "runUntil: acts", "runUntil: settled"],
  ...["runUntil: throws", "runUntil: expires", "runUntil ends before a wait"],
  ...["a pass broken off by an error", "the rest of a batch that was broken off"],
  ...["a wait timed out", "a wait aborted", "a wait ended by removeHandler()"],
  ...["a wait ended by close()", "a stream told", "a stream ended by a failure"],
  ...["resumed within a batch", "resumed after its record was dropped"],
  ...(kqueue ? [] : ["an update refused late", "more ready than maxEvents"]),
  ...(lacks("sight of a close") ? [] : ["ghosts laid"]),
  ...(lacks("a queue that can be watched")
    ? []
    : ["fd readable to an outer loop", "fd not readable"]),
];

test(
  "loops do what a simple model says, whatever a program does to them",
  async () => {
    const tally = new Tally();
    const property = fc.property(programs(50), (program) => {
      using world = new World(program, tally);
      world.perform(program);
    });
    const runs = await holds("model", property, { runs: 20_000 });
    tally.judge([...OPERATION_NAMES, ...OUTCOMES], runs, ENOUGH);
  },
  PROPERTY_LIMIT_MS,
);
