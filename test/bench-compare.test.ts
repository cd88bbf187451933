import { expect, test } from "bun:test";
import { join } from "node:path";
import { compare, readResults } from "../bench/harness/compare.ts";
import type { Figure, Measure, Results } from "../bench/harness/results.ts";
import { RESULTS, ratio, spread } from "./support-results.ts";
import { Folder } from "./support-system.ts";

const LATENCY: Measure = {
  case: "one",
  name: "latency",
  unit: "us",
  better: "lower",
  figures: [],
  ratios: [],
};

const OURS = "bun-ioloop";

function figures(median: number, share?: number): readonly Figure[] {
  return [
    { peer: OURS, ours: true, ...spread(median, share) },
    { peer: "libuv", ours: false, ...spread(100, share) },
  ];
}

/** A run that holds nothing but `measures`. */
function run(...measures: readonly Partial<Measure>[]): Results {
  const workload = { name: "echo", what: "", missing: [], goals: [] };
  const whole = measures.map((measure) => ({ ...LATENCY, ...measure }));
  return { ...RESULTS, workloads: [{ ...workload, measures: whole }] };
}

function runOfRatio(median: number, share?: number, better: Measure["better"] = "lower"): Results {
  return run({ better, figures: figures(100), ratios: [ratio(OURS, "libuv", median, share)] });
}

const SAME = ["nothing got slower"];

test("a run beside itself is no slower", () => {
  expect(compare(RESULTS, RESULTS)).toEqual(SAME);
});

test("a ratio to a peer that rose is slower, one that fell is faster", () => {
  const lines = compare(runOfRatio(0.8, 0.01), runOfRatio(1, 0.01));
  expect(lines).toEqual(["slower: echo, one, latency, bun-ioloop / libuv: 0.800 -> 1, 25 % more"]);
  expect(compare(runOfRatio(1, 0.01), runOfRatio(0.8, 0.01))).toEqual([
    "nothing got slower",
    "faster: echo, one, latency, bun-ioloop / libuv: 20.0 % less",
  ]);
});

test("where higher is better, it is the other way round", () => {
  expect(compare(runOfRatio(1, 0.01, "higher"), runOfRatio(0.8, 0.01, "higher"))).toEqual([
    "slower: echo, one, latency, bun-ioloop / libuv: 1 -> 0.800, 20.0 % less",
  ]);
});

test("a change within 5 %, or within the quartiles, is none", () => {
  expect(compare(runOfRatio(1, 0.001), runOfRatio(1.049, 0.001))).toEqual(SAME);
  expect(compare(runOfRatio(1, 0.1), runOfRatio(1.2, 0.1))).toEqual(SAME);
  expect(compare(runOfRatio(1, 0.001), runOfRatio(1.051, 0.001))).toHaveLength(1);
  expect(compare(runOfRatio(1, 0.09), runOfRatio(1.2, 0.09))).toHaveLength(1);
});

test("figures are compared where there is no ratio to a peer, on the same machine alone", () => {
  const [old, fresh] = [run({ figures: figures(100, 0.01) }), run({ figures: figures(150, 0.01) })];
  const slower = "slower: echo, one, latency, bun-ioloop: 100\u00a0µs -> 150\u00a0µs, 50 % more";
  expect(compare(old, fresh)).toEqual([slower]);
  const elsewhere = { ...fresh, machine: { ...fresh.machine, cores: 64 } };
  const lines = compare(old, elsewhere);
  expect(lines[0]).toStartWith("the machine differs: AMD EPYC");
  expect(lines.slice(1)).toEqual([
    "so figures are not compared, only ratios",
    "nothing got slower",
  ]);
});

test("ratios are compared whatever the machine, the versions and the length of the run", () => {
  const fresh = runOfRatio(1, 0.01);
  const versions = { ...fresh.machine.versions, Bun: "1.5.0", "bun-ioloop": "0.2.0" };
  const other = { ...fresh, quick: true, machine: { ...fresh.machine, versions } };
  expect(compare(runOfRatio(0.8, 0.01), other)).toEqual([
    "the length of the run differs: full -> quick",
    "the version of Bun differs: 1.4.5 -> 1.5.0",
    "so figures are not compared, only ratios",
    "slower: echo, one, latency, bun-ioloop / libuv: 0.800 -> 1, 25 % more",
  ]);
});

test("a figure that was nothing is compared without a percentage", () => {
  const [old, fresh] = [run({ figures: figures(0) }), run({ figures: figures(3) })];
  expect(compare(old, fresh)).toEqual([
    "slower: echo, one, latency, bun-ioloop: 0\u00a0µs -> 3\u00a0µs, from nothing",
  ]);
});

test("what only one of two runs has is named once, as high up as it is lacking", () => {
  const one = { figures: figures(100), ratios: [ratio(OURS, "libuv", 1), ratio(OURS, "node", 1)] };
  const old = run(one, { ...one, name: "memory" }, { ...one, case: "two" });
  const fresh = run({ ...one, ratios: [ratio(OURS, "libuv", 1), ratio(OURS, "deno", 1)] });
  expect(compare(old, fresh)).toEqual([
    "nothing got slower",
    "only in the old results: echo, one, latency, bun-ioloop / node",
    "only in the old results: echo, one, memory",
    "only in the old results: echo, two",
    "only in the new results: echo, one, latency, bun-ioloop / deno",
  ]);
  expect(compare({ ...old, workloads: [] }, old).at(-1)).toBe("only in the new results: echo");
});

test("results are read as they were written", async () => {
  using folder = new Folder();
  const path = join(folder.path, "results.json");
  await Bun.write(path, JSON.stringify(RESULTS));
  expect(await readResults(path)).toEqual(RESULTS);
});

test.each([
  ["{", "cannot read benchmark results from"],
  ["null", "holds no benchmark results"],
  ["{}", "holds no benchmark results"],
  ['{"version":2}', "holds benchmark results of version 2, not of 1"],
  ['{"version":1,"date":""}', "holds no whole benchmark results"],
])("a file with %s is refused", async (text, message) => {
  using folder = new Folder();
  const path = join(folder.path, "results.json");
  await Bun.write(path, text);
  expect(readResults(path)).rejects.toThrow(message);
  await readResults(path).catch((error: Error) => expect(error.message).toContain(path));
});
