// `bun bench/report/png.ts [folder]` makes the page of the folder's results anew, and a picture of it.
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { readResults } from "../harness/compare.ts";
import { findBrowser, NO_BROWSER, openBrowser } from "./browser.ts";
import { RESULTS_FILE, writePage } from "./write.ts";

const PICTURE_FILE = "report.png";
const WIDTH = 1100;
const HEIGHT = 800;

async function savePicture(browserPath: string, page: string, picture: string): Promise<void> {
  const browser = await openBrowser(browserPath);
  try {
    const tab = await browser.newPage();
    await tab.setViewport({ width: WIDTH, height: HEIGHT, deviceScaleFactor: 1 });
    await tab.goto(pathToFileURL(page).href);
    await Bun.write(picture, await tab.screenshot({ fullPage: true }));
  } finally {
    await browser.close();
  }
}

async function main(folder: string): Promise<void> {
  const page = await writePage(await readResults(join(folder, RESULTS_FILE)), folder);
  console.log(`wrote ${page}`);
  const browser = findBrowser();
  if (browser === undefined) throw new Error(`no picture: ${NO_BROWSER}`);
  const picture = join(folder, PICTURE_FILE);
  await savePicture(browser, page, picture);
  console.log(`wrote ${picture}`);
}

try {
  await main(resolve(process.argv[2] ?? join(import.meta.dir, "..")));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
