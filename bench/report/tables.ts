import { type Loss, ratiosToPeers, verdictOf } from "../harness/contests.ts";
import {
  measureText,
  numberText,
  plainText,
  rangeText,
  unitText,
  valueText,
} from "../harness/format.ts";
import type { Measure, Outcome, Ratio, Workload } from "../harness/results.ts";
import { html, type Markup, NOTHING } from "./html.ts";

/** Every figure in numbers, for who cannot see its bar or wants it exactly. */
export function figureTable({ figures, unit }: Measure): Markup {
  const rows = figures.map(
    (figure) => html`<tr${figure.ours ? html` class="ours"` : NOTHING}>
<th scope="row">${figure.peer}</th><td>${numberText(figure.median)}</td>
<td>${rangeText(figure)}</td><td>${figure.values.length}</td></tr>`,
  );
  const median = unit === "" ? "median" : `median, ${unitText(unit)}`;
  return html`<table><thead><tr><th scope="col">peer</th><th scope="col">${median}</th>
<th scope="col">quartiles</th><th scope="col">rounds</th></tr></thead><tbody>${rows}</tbody></table>`;
}

const POOLED = html` <small>pooled</small>`;

function ratioGroup(measure: Measure, ratios: readonly Ratio[]): Markup {
  const toPeers = new Set(ratiosToPeers(measure));
  const rows = ratios.map((ratio) => {
    const verdict = toPeers.has(ratio) ? verdictOf(ratio, measure) : "";
    return html`<tr><th scope="row">${ratio.to}</th><td>${numberText(ratio.median)}</td>
<td>${rangeText(ratio)}</td><td class="${verdict}">${verdict}</td></tr>`;
  });
  const heads = ratios
    .slice(0, 1)
    .map(({ of, how }) => html`${of} /${how === "pooled" ? POOLED : NOTHING}`);
  return html`<tbody><tr><th scope="rowgroup" colspan="4">${heads}</th></tr>${rows}</tbody>`;
}

/** Ratios in numbers, those of one peer together, and what they say of us where they are ours to a peer's. */
export function ratioTable(measure: Measure): Markup {
  if (measure.ratios.length === 0) return NOTHING;
  const groups = Map.groupBy(measure.ratios, ({ of, how }) => `${how} ${of}`);
  const bodies = [...groups.values()].map((ratios) => ratioGroup(measure, ratios));
  return html`<table class="ratios"><thead><tr><th scope="col">ratio</th><th scope="col">median</th>
<th scope="col">spread</th><th scope="col">ours</th></tr></thead>${bodies}</table>`;
}

/** An outcome and where it belongs. */
export interface Goal {
  readonly workload: Workload;
  readonly outcome: Outcome;
}

export function goalsOf(workload: Workload): readonly Goal[] {
  return workload.goals.map((outcome) => ({ workload, outcome }));
}

function goalRow({ workload, outcome }: Goal, withWorkload: boolean): Markup {
  const { case: ofCase, measure: name, of, to, bound, limit, got, met } = outcome;
  const measure = workload.measures.find((one) => one.case === ofCase && one.name === name);
  const unit = to === undefined ? (measure?.unit ?? "") : "";
  const where = withWorkload ? `${workload.name}, ${ofCase}` : ofCase;
  const who = to === undefined ? of : `${of} / ${to}`;
  return html`<tr><th scope="row"><small>${where}</small><br>${name}<br>${who}</th>
<td>${valueText(got, unit)}<br><small>at ${bound} ${valueText(limit, unit, plainText)}</small></td>
<td class="${met ? "better" : "worse"}">${met ? "met" : "not met"}</td></tr>`;
}

export function goalTable(goals: readonly Goal[], withWorkload: boolean): Markup {
  return html`<table><thead><tr><th scope="col">goal</th><th scope="col">measured, limit</th>
<th scope="col">outcome</th></tr></thead>
<tbody>${goals.map((goal) => goalRow(goal, withWorkload))}</tbody></table>`;
}

/** Where somebody else is better. */
export function lossTable(losses: readonly Loss[]): Markup {
  const rows = losses.map(
    ({ workload, measure, ratio }) => html`<tr>
<th scope="row"><small>${workload.name}, ${measure.case}</small><br>${measureText(measure)}</th>
<td class="words">${ratio.of} / ${ratio.to}${ratio.how === "pooled" ? POOLED : NOTHING}<br>
<span class="worse">${numberText(ratio.median)}</span> <small>${rangeText(ratio)}</small></td></tr>`,
  );
  return html`<table><thead><tr><th scope="col">measure</th>
<th scope="col">ratio: median, spread</th></tr></thead><tbody>${rows}</tbody></table>`;
}
