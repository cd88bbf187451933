import { CustomChart, type CustomSeriesOption } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { measureText, rangeText, shortText, valueText } from "../harness/format.ts";
import type { Figure, Measure } from "../harness/results.ts";
import { html, Markup } from "./html.ts";

use([CustomChart, GridComponent, SVGRenderer]);

/** As wide as a phone leaves room for: there it is drawn at its own size, and text stays legible. */
const WIDTH = 340;
/** Name and value in one line, the bar below them. */
const ROW_HEIGHT = 37;
const BAR_HEIGHT = 12;
const AXIS_HEIGHT = 24;
const SIDE = 1;
/** What is left of the line goes to the value. */
const NAME_WIDTH = 215;
/** Above this, the shortest bar could not be seen beside the longest. */
const LINEAR_MOST = 50;

const FONT = "system-ui, sans-serif";
// The page's own colours, light or dark.
const TEXT = "var(--text)";
const SOFT = "var(--soft)";
const LINE = "var(--line)";

interface Range {
  readonly min: number;
  readonly max: number;
}

/** Whole decades around all figures above zero, where a linear axis would hide the shortest bar. */
function decades(figures: readonly Figure[]): Range | undefined {
  const medians = figures.map((figure) => figure.median).filter((median) => median > 0);
  if (Math.max(...medians) <= LINEAR_MOST * Math.min(...medians)) return undefined;
  const ends = figures.flatMap(({ low, median, high }) => [low, median, high]);
  const positive = ends.filter((end) => end > 0);
  const last = Math.ceil(Math.log10(Math.max(...positive)));
  // Below the least of them, so that its bar has a length.
  const first = Math.ceil(Math.log10(Math.min(...positive))) - 1;
  return { min: 10 ** first, max: 10 ** last };
}

export function isLogarithmic({ figures }: Measure): boolean {
  return decades(figures) !== undefined;
}

function label(text: string, x: number, y: number, align: "left" | "right", strong: boolean) {
  const weight = strong ? 600 : 400;
  const font = `${weight} 13px ${FONT}`;
  return {
    type: "text" as const,
    style: { text, x, y, align, verticalAlign: "middle" as const, fill: TEXT, font },
  };
}

/** Each figure as a row: its name and value, a bar to the median, and a whisker from quartile to quartile. */
function rows({ figures, unit }: Measure, start: number): CustomSeriesOption {
  return {
    type: "custom",
    silent: true,
    clip: false,
    encode: { x: [0, 1, 2], y: 3 },
    data: figures.map(({ median, low, high }, row) => [median, low, high, row]),
    renderItem(params, api) {
      const figure = figures[params.dataIndex];
      if (figure === undefined) return;
      const at = (value: number) => api.coord([Math.max(value, start), params.dataIndex])[0] ?? 0;
      const middle = api.coord([start, params.dataIndex])[1] ?? 0;
      const [left, median, low, high] = [
        at(start),
        at(figure.median),
        at(figure.low),
        at(figure.high),
      ];
      const textY = middle - ROW_HEIGHT / 2 + 11;
      const barY = textY + 10;
      const barMiddle = barY + BAR_HEIGHT / 2;
      const name = label(figure.peer, SIDE, textY, "left", figure.ours);
      const limit = { width: NAME_WIDTH, overflow: "truncate" as const, ellipsis: "…" };
      const line = (x1: number, y1: number, x2: number, y2: number) => ({
        type: "line" as const,
        shape: { x1, y1, x2, y2 },
        style: { stroke: TEXT, lineWidth: 1.5 },
      });
      return {
        type: "group",
        children: [
          {
            type: "rect",
            shape: {
              x: left,
              y: barY,
              width: Math.max(median - left, 0),
              height: BAR_HEIGHT,
              r: [0, 2, 2, 0],
            },
            style: { fill: figure.ours ? "var(--ours)" : "var(--peer)" },
          },
          line(low, barMiddle, high, barMiddle),
          line(low, barMiddle - 3, low, barMiddle + 3),
          line(high, barMiddle - 3, high, barMiddle + 3),
          { ...name, style: { ...name.style, ...limit } },
          label(valueText(figure.median, unit), WIDTH - SIDE, textY, "right", figure.ours),
        ],
      };
    },
  };
}

function spoken(measure: Measure): string {
  const figures = measure.figures.map(
    (figure) => `${figure.peer} ${valueText(figure.median, measure.unit)} (${rangeText(figure)})`,
  );
  const scale = isLogarithmic(measure) ? ", log axis" : "";
  return `${measure.case}: ${measureText(measure)}${scale}. ${figures.join("; ")}`;
}

/** The medians of all peers as bars, with their quartiles. */
export function chart(measure: Measure): Markup {
  const { figures } = measure;
  const log = decades(figures);
  const height = figures.length * ROW_HEIGHT + AXIS_HEIGHT;
  const drawing = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  drawing.setOption({
    animation: false,
    grid: { left: SIDE, right: SIDE, top: 0, bottom: AXIS_HEIGHT, outerBoundsMode: "none" },
    xAxis: {
      ...(log === undefined ? { type: "value", min: 0 } : { type: "log", ...log }),
      splitNumber: 3,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: {
        color: SOFT,
        fontSize: 12,
        fontFamily: FONT,
        formatter: shortText,
        hideOverlap: true,
        alignMinLabel: "left",
        alignMaxLabel: "right",
      },
      splitLine: { lineStyle: { color: LINE } },
    },
    yAxis: { type: "category", show: false, inverse: true, data: figures.map(({ peer }) => peer) },
    series: rows(measure, log?.min ?? 0),
  });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  // In place of its own tag, which has a fixed size and the namespaces that only a file of its own needs.
  const inside = new Markup(svg.replace(/^<svg[^>]*>/, ""));
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${spoken(measure)}">${inside}`;
}
