import { type Loss, lossesIn } from "../harness/contests.ts";
import { dateText, measureText } from "../harness/format.ts";
import type { Machine, Measure, Results, Workload } from "../harness/results.ts";
import { disturbanceText } from "../harness/summary.ts";
import { chart, isLogarithmic } from "./charts.ts";
import { html, type Markup, NOTHING } from "./html.ts";
import { figureTable, goalsOf, goalTable, lossTable, ratioTable } from "./tables.ts";

/** So many are in view; the others are a click away. */
const LOSSES_FIRST = 12;

function machineText({ cpu, cores, memoryGb, system }: Machine): string {
  return `${cpu}, ${cores} ${cores === 1 ? "core" : "cores"}, ${memoryGb}\u00a0GB, ${system}`;
}

/** What ran, where and when. */
export function heading({ date, quick, machine }: Results): Markup {
  const versions = Object.entries(machine.versions).map(
    ([peer, version]) => html`<li><b>${peer}</b> ${version}</li>`,
  );
  const length = quick
    ? "Quick run: few and short rounds, whose figures only show that all works"
    : "Full run";
  return html`<header><h1>bun-ioloop benchmarks</h1>
<p>${length}, ${dateText(date)}<br>${machineText(machine)}</p>
<ul class="versions">${versions}</ul></header>`;
}

/** The goals that were not met, those that were, and where others win. */
export function summary(results: Results): Markup {
  const goals = results.workloads.flatMap(goalsOf);
  const met = goals.filter(({ outcome }) => outcome.met);
  const missed = goals.filter(({ outcome }) => !outcome.met);
  const losses = lossesIn(results);
  return html`<section class="summary"><h2>${met.length} of ${goals.length} goals met</h2>
<div class="columns"><div class="card"><h3>Not met: ${missed.length}</h3>
${missed.length === 0 ? html`<p>None.</p>` : goalTable(missed, true)}</div>
<div class="card"><h3>Met: ${met.length}</h3>
${met.length === 0 ? html`<p>None.</p>` : goalTable(met, true)}</div></div>
<div class="card"><h3>Where others win: ${losses.length}</h3>
<p>Every ratio of ours to a peer where the peer is better, beyond the ratio’s spread, the largest first.</p>
${lossesPart(losses)}</div></section>`;
}

function lossesPart(losses: readonly Loss[]): Markup {
  if (losses.length === 0) return html`<p>None.</p>`;
  const more = losses.slice(LOSSES_FIRST);
  const rest = html`<details><summary>${more.length} more</summary>${lossTable(more)}</details>`;
  return html`${lossTable(losses.slice(0, LOSSES_FIRST))}${more.length === 0 ? NOTHING : rest}`;
}

/** A way to each workload. */
export function contents({ workloads }: Results): Markup {
  const links = workloads.map(
    ({ name, measures }, index) =>
      html`<li><a href="#workload-${index}">${name}</a> <small>${measures.length} ${measures.length === 1 ? "measure" : "measures"}</small></li>`,
  );
  return html`<nav aria-label="Workloads"><ul>${links}</ul></nav>`;
}

/** How the charts and the ratios are to be read. */
export const LEGEND = html`<p class="legend">Bars are the medians of all rounds, <b>ours in this colour</b>; whiskers go from
quartile to quartile. A ratio is taken round by round, or where it says “pooled” of the sums of rounds; “better” and
“worse” say how ours stands to a peer, “even” that 1 is within the spread.</p>`;

function card(measure: Measure): Markup {
  const note = isLogarithmic(measure)
    ? html`<p class="note">Log axis: each step is ten times the last.</p>`
    : NOTHING;
  return html`<figure class="card">
<figcaption><span class="unseen">${measure.case}: </span>${measureText(measure)}</figcaption>
${note}${chart(measure)}
${ratioTable(measure)}
<details><summary>All figures</summary>${figureTable(measure)}</details></figure>`;
}

function missingPeers({ missing }: Workload): Markup {
  if (missing.length === 0) return NOTHING;
  const peers = missing.map(({ peer, why }) => html`<li><b>${peer}</b>: ${why}</li>`);
  return html`<div class="missing"><h3>Not measured</h3><ul>${peers}</ul></div>`;
}

function disturbance(workload: Workload): Markup {
  const text = disturbanceText(workload);
  return text === "" ? NOTHING : html`<p class="note">Disturbed: ${text}.</p>`;
}

function goalsPart(workload: Workload): Markup {
  const { goals } = workload;
  if (goals.length === 0) return NOTHING;
  const met = goals.filter((outcome) => outcome.met).length;
  return html`<div class="card goals"><h3>${met} of ${goals.length} goals met</h3>
${goalTable(goalsOf(workload), false)}</div>`;
}

/** What a workload does, who is missing, its goals, and a card for each of its measures. */
export function workloadSection(workload: Workload, index: number): Markup {
  const cases = Map.groupBy(workload.measures, (measure) => measure.case);
  const groups = [...cases].map(
    ([name, measures]) => html`<h3>${name}</h3><div class="cards">${measures.map(card)}</div>`,
  );
  return html`<section id="workload-${index}"><h2>${workload.name}</h2>
<p>${workload.what}</p>${disturbance(workload)}${missingPeers(workload)}${goalsPart(workload)}${groups}</section>`;
}
