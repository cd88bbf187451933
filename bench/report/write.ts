import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Results } from "../harness/results.ts";
import { reportPage } from "./page.ts";

export const RESULTS_FILE = "results.json";
export const PAGE_FILE = "report.html";

/** Leaves the results and the page made of them in `folder`, which is made if need be. */
export async function writeReport(results: Results, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, RESULTS_FILE), `${JSON.stringify(results, null, 2)}\n`);
  await writePage(results, folder);
}

/** Returns the path of the page. */
export async function writePage(results: Results, folder: string): Promise<string> {
  const path = join(folder, PAGE_FILE);
  await Bun.write(path, reportPage(results));
  return path;
}
