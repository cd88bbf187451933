// Has the kernel refuse to map the memory of a loop, and that of its ring, by a filter that stays until the end.
import { ptr } from "bun:ffi";
import { IOLoop, READ } from "../../src/index.ts";
import { drain, Fds, openFds, poke, testLoop } from "../support.ts";
import { errorOf, hasRing, type Outcome, prctl, tell, tellUnavailable } from "../support-faults.ts";
import { runHosted } from "../support-hosted.ts";

const [SET_NO_NEW_PRIVILEGES, SET_SECCOMP, BY_FILTER] = [38, 22, 2n] as const;
const [ALLOW, REFUSE_ENOMEM] = [0x7fff_0000, 0x0005_000c];
const MMAP = process.arch === "arm64" ? 222 : 9;
/** The lower halves of its arguments, as the filter finds them. */
const LENGTH_AT = 24;
const FLAGS_AT = 40;
const LENGTH = 4096;
const PRIVATE_ANONYMOUS = 0x22;
const SHARED_POPULATED = 0x8001;

/** Classic BPF: what a step does, how far it jumps where a comparison holds and where not, and its operand. */
type Step = readonly [code: number, yes: number, no: number, operand: number];
const LOAD = 0x20;
const EQUALS = 0x15;
const RETURN = 0x06;

const STEPS: readonly Step[] = [
  [LOAD, 0, 0, 0],
  [EQUALS, 0, 6, MMAP],
  [LOAD, 0, 0, LENGTH_AT],
  [EQUALS, 0, 4, LENGTH],
  [LOAD, 0, 0, FLAGS_AT],
  [EQUALS, 1, 0, PRIVATE_ANONYMOUS],
  [EQUALS, 0, 1, SHARED_POPULATED],
  [RETURN, 0, 0, REFUSE_ENOMEM],
  [RETURN, 0, 0, ALLOW],
];

/** Whether the kernel takes the filter, for this thread and for those that it starts. */
function refuseMaps(): boolean {
  const steps = new DataView(new ArrayBuffer(8 * STEPS.length));
  for (const [index, [code, yes, no, operand]] of STEPS.entries()) {
    steps.setUint16(8 * index, code, true);
    steps.setUint8(8 * index + 2, yes);
    steps.setUint8(8 * index + 3, no);
    steps.setUint32(8 * index + 4, operand, true);
  }
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, STEPS.length, true);
  program.setBigUint64(8, BigInt(ptr(steps)), true);
  return (
    prctl(SET_NO_NEW_PRIVILEGES, 1n) === 0 &&
    prctl(SET_SECCOMP, BY_FILTER, BigInt(ptr(program))) === 0
  );
}

/** Undefined where there is no filter. */
async function play(): Promise<Outcome | undefined> {
  using loop = testLoop();
  using fds = new Fds();
  const [reader, writer] = fds.pipe();
  let events = 0;
  loop.addHandler(reader, READ, () => {
    events += drain(reader).length;
    loop.callLater(1, () => loop.stop());
  });
  const before = openFds();
  if (!refuseMaps()) return undefined;
  const error = errorOf(() => new IOLoop());
  const left = openFds() - before;
  let ring = false;
  loop.callLater(1, () => {
    ring = hasRing();
    setTimeout(() => poke(writer), 5);
  });
  await runHosted(loop);
  return { error, left, events, ring };
}

const outcome = await play();
if (outcome === undefined) tellUnavailable("the kernel takes no filter from this process");
else tell("memory", outcome);
