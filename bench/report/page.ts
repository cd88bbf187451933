import type { Results } from "../harness/results.ts";
import { html, Markup } from "./html.ts";
import { contents, heading, LEGEND, summary, workloadSection } from "./sections.ts";
import { STYLE } from "./style.ts";

/** One page with all that was measured, which needs nothing beside itself. */
export function reportPage(results: Results): string {
  // The icon keeps browsers from asking for one.
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>bun-ioloop benchmarks</title><link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style></head><body>
${heading(results)}
${contents(results)}
<main>${summary(results)}
${LEGEND}
${results.workloads.map(workloadSection)}</main>
</body></html>
`;
  return page.text;
}
