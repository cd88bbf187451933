import type { Measure, Spread } from "./results.ts";

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const THREE_DIGITS = new Intl.NumberFormat("en-US", {
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
});
const AT_MOST_THREE = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** What was measured: 1,234 or 12.3 or 0.450. Whole numbers stay whole. */
export function numberText(value: number): string {
  const whole = Number.isInteger(value) || Math.abs(value) >= 1000;
  return (whole ? WHOLE : THREE_DIGITS).format(value);
}

/** What was chosen: 0.45 */
export function plainText(value: number): string {
  return (Math.abs(value) >= 1000 ? WHOLE : AT_MOST_THREE).format(value);
}

/** As an axis has it, where there is little room: 12K. */
export function shortText(value: number): string {
  return Math.abs(value) < 10_000 ? plainText(value) : SHORT.format(value);
}

export function unitText(unit: string): string {
  return unit === "us" ? "µs" : unit;
}

/** A number with its unit, which stay in one line. */
export function valueText(value: number, unit: string, written = numberText): string {
  const number = written(value);
  if (unit === "") return number;
  return unit === "1/s" ? `${number}/s` : `${number}\u00a0${unitText(unit)}`;
}

export function rangeText({ low, high }: Spread): string {
  return `${numberText(low)}–${numberText(high)}`;
}

/** "CPU per message, ns, lower is better" */
export function measureText({ name, unit, better }: Measure): string {
  const named = unit === "" ? name : `${name}, ${unitText(unit)}`;
  return `${named}, ${better} is better`;
}

/** "2026-03-01 12:30 UTC"; what is no date stays as it is. */
export function dateText(date: string): string {
  const time = new Date(date);
  if (Number.isNaN(time.getTime())) return date;
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
