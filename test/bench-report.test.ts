// The page is also looked at in a browser, where there is one: that is a tool of this repository's own.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "puppeteer-core";
import type { Results } from "../bench/harness/results.ts";
import { findBrowser, NO_BROWSER, openBrowser } from "../bench/report/browser.ts";
import { reportPage } from "../bench/report/page.ts";
import { PAGE_FILE, RESULTS_FILE, writeReport } from "../bench/report/write.ts";
import { RESULTS } from "./support-results.ts";
import { Folder } from "./support-system.ts";

const BROWSER_MS = 60_000;
const PROGRAM = join(import.meta.dir, "../bench/report/png.ts");

const page = reportPage(RESULTS);

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

/** The page's text, as a reader has it. */
function textOf(markup: string): string {
  let text = "";
  const rewriter = new HTMLRewriter().on("body", {
    text(chunk) {
      text += chunk.text;
    },
  });
  rewriter.transform(markup);
  const plain = text.replaceAll(
    /&(?:amp|lt|gt|quot|#39);/g,
    (entity) => ENTITIES[entity] ?? entity,
  );
  return plain.replaceAll(/\s+/g, " ");
}

test("the page needs nothing beside itself", () => {
  expect(page).not.toMatch(/<script|<link[^>]*stylesheet|@import|<iframe|<img/i);
  expect(page).not.toMatch(/(?:src|href)\s*=\s*["'](?!#|data:,)/i);
  expect(page).not.toMatch(/url\((?!#)/i);
});

test("names are escaped, in text, in attributes and in charts", () => {
  expect(page).not.toMatch(/<(?:native|LTS|2)>|alert\(1\)<\/script/);
  expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt; stays text");
  expect(page).toContain("pkg-config says &quot;not found&quot; &amp; so on");
  expect(page).toMatch(/<text[^>]*>Bun('|&#39;|&#x27;)s net &lt;native&gt;<\/text>/);
  expect(page).toMatch(/aria-label="[^"]*&lt;native&gt; 37.1\u00a0µs/);
});

test("what was not measured and what was not met is told", () => {
  const text = textOf(page);
  for (const { name, missing, measures } of RESULTS.workloads) {
    expect(text).toContain(name);
    for (const { peer, why } of missing) expect(text).toContain(`${peer}: ${why}`);
    for (const measure of measures) expect(text).toContain(`${measure.case}: ${measure.name}`);
  }
  expect(text).toContain("in 3 of 40 rounds the host gave the processors to other machines");
  expect(text).toContain("2 of 4 goals met");
  expect(text).toContain("Not met: 2");
  expect(text).toMatch(
    /latency, 99th percentile ?bun-ioloop \/ Bun.listen ?1.11 ?at most 1.05 ?not met/,
  );
  expect(text).toMatch(/time per event ?bun-ioloop ?0.456 µs ?at most 0.4 µs ?not met/);
  expect(text).toContain("Where others win: 6");
  expect(text).toContain("Log axis");
});

test("each measure has a chart that says its numbers, and a table of them", () => {
  const measures = RESULTS.workloads.flatMap((workload) => workload.measures);
  expect(page.match(/<svg /g)).toHaveLength(measures.length);
  expect(page.match(/role="img" aria-label="/g)).toHaveLength(measures.length);
  expect(page.match(/<details>/g)).toHaveLength(measures.length);
  expect(page).toContain(
    'aria-label="100,000 timeouts &amp; intervals: time per timeout, ns, lower is better. bun-ioloop 210\u00a0ns',
  );
});

test("a run without any goal, loss or measure makes a page, too", () => {
  const empty: Results = { ...RESULTS, quick: true, workloads: [] };
  expect(textOf(reportPage(empty))).toContain("0 of 0 goals met");
  expect(reportPage(empty)).toContain("Quick run");
});

test("the report is written beside its results", async () => {
  using folder = new Folder();
  const inner = join(folder.path, "inner");
  await writeReport(RESULTS, inner);
  expect(await Bun.file(join(inner, RESULTS_FILE)).json()).toEqual(RESULTS);
  expect(await Bun.file(join(inner, PAGE_FILE)).text()).toContain("<svg ");
});

interface Outcome {
  readonly code: number;
  readonly stderr: string;
}

async function runProgram(folder: string, env: Record<string, string>): Promise<Outcome> {
  const child = Bun.spawn([process.execPath, PROGRAM, folder], {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stderr = await child.stderr.text();
  return { code: await child.exited, stderr };
}

test("without a browser the page is written, and what is missing is told", async () => {
  using folder = new Folder();
  await Bun.write(folder.file(RESULTS_FILE), JSON.stringify(RESULTS));
  const outcome = await runProgram(folder.path, { CHROMIUM: "", PATH: "/nonexistent" });
  expect(outcome).toEqual({ code: 1, stderr: `no picture: ${NO_BROWSER}\n` });
  expect(existsSync(folder.file(PAGE_FILE))).toBeTrue();
});

test("without results the program says so", async () => {
  using folder = new Folder();
  const { code, stderr } = await runProgram(folder.path, {});
  expect(code).toBe(1);
  expect(stderr).toStartWith("cannot read benchmark results from");
});

/** In the page, which has another global scope than this file: what does not fit, and the least text. */
const LOOK = `(() => {
  const wrong = [];
  let leastPx = Infinity;
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) wrong.push("the page is " + scrollWidth + " px wide");
  for (const card of document.querySelectorAll(".card")) {
    if (card.scrollWidth > card.clientWidth) wrong.push("too wide: " + card.innerText);
  }
  for (const svg of document.querySelectorAll("svg")) {
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    if (!(box.width > 0 && box.height > 0)) wrong.push("a chart without a size");
    const texts = [...svg.querySelectorAll("text")].map((text) => [text, text.getBoundingClientRect()]);
    for (const [index, [text, { left, right, top, bottom }]] of texts.entries()) {
      leastPx = Math.min(leastPx, parseFloat(getComputedStyle(text).fontSize) * scale);
      const inside = left >= box.left - 1 && right <= box.right + 1 && top >= box.top - 1 && bottom <= box.bottom + 1;
      if (!inside) wrong.push("cut off: " + text.textContent);
      for (const [other, rect] of texts.slice(index + 1)) {
        const apart = rect.left >= right || rect.right <= left || rect.top >= bottom - 2 || rect.bottom <= top + 2;
        if (!apart) wrong.push(text.textContent + " over " + other.textContent);
      }
    }
  }
  for (const element of document.querySelectorAll("body *:not(svg *)")) {
    leastPx = Math.min(leastPx, parseFloat(getComputedStyle(element).fontSize));
  }
  return { wrong, leastPx };
})()`;

interface Look {
  readonly wrong: readonly string[];
  readonly leastPx: number;
}

/** Writes the report to `folder`; returns the URL of its page. */
async function written(folder: Folder): Promise<string> {
  await writeReport(RESULTS, folder.path);
  return pathToFileURL(folder.file(PAGE_FILE)).href;
}

const browserPath = findBrowser();
if (browserPath === undefined) console.warn(`the report is not looked at: ${NO_BROWSER}`);

describe.skipIf(browserPath === undefined)("in a browser", () => {
  let browser: Browser | undefined;

  beforeAll(async () => {
    browser = await openBrowser(browserPath ?? "");
  }, BROWSER_MS);

  afterAll(() => browser?.close());

  /** Opens the page at `url`; returns it with what it complained of and asked for. */
  async function open(
    url: string,
    width: number,
    scheme: string,
  ): Promise<{ tab: Page; heard: string[] }> {
    const tab = await browser?.newPage();
    if (tab === undefined) throw new Error("no browser was opened");
    const heard: string[] = [];
    tab.on("console", (message) => heard.push(message.text()));
    tab.on("pageerror", (error) => heard.push(String(error)));
    tab.on("request", (request) => heard.push(request.url()));
    await tab.setViewport({ width, height: 800 });
    await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await tab.goto(url, { waitUntil: "networkidle0" });
    return { tab, heard };
  }

  test.each([390, 700, 1100])(
    "at %i px all fits and is legible, and nothing is fetched",
    async (width) => {
      using folder = new Folder();
      const url = await written(folder);
      const { tab, heard } = await open(url, width, "light");
      await tab.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
      const { wrong, leastPx } = (await tab.evaluate(LOOK)) as Look;
      expect(wrong).toEqual([]);
      expect(leastPx).toBeGreaterThanOrEqual(width === 390 ? 11 : 10);
      expect(heard.filter((one) => !one.startsWith("data:"))).toEqual([url]);
      await tab.close();
    },
    BROWSER_MS,
  );

  test(
    "charts take the colours of the page, light or dark",
    async () => {
      using folder = new Folder();
      const url = await written(folder);
      const fills: unknown[] = [];
      for (const scheme of ["light", "dark"]) {
        const { tab } = await open(url, 390, scheme);
        const fill = "getComputedStyle([...document.querySelectorAll('svg text')].at(-1)).fill";
        const color = "getComputedStyle(document.body).color";
        expect(await tab.evaluate(`${fill} === ${color}`)).toBeTrue();
        fills.push(await tab.evaluate(fill));
        await tab.close();
      }
      expect(fills[0]).not.toBe(fills[1]);
    },
    BROWSER_MS,
  );

  test(
    "the program writes a picture",
    async () => {
      using folder = new Folder();
      await written(folder);
      expect(await runProgram(folder.path, {})).toEqual({ code: 0, stderr: "" });
      const bytes = Buffer.from(await Bun.file(folder.file("report.png")).arrayBuffer());
      expect(bytes.toString("latin1", 1, 4)).toBe("PNG");
      const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
      expect(width).toBe(1100);
      expect(height).toBeGreaterThan(1000);
    },
    BROWSER_MS,
  );
});
