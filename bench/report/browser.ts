import { type Browser, launch } from "puppeteer-core";

const NAMES = ["chromium-headless-shell", "chromium", "google-chrome"];

/** What to do where `findBrowser` finds none. */
export const NO_BROWSER = `there is no ${NAMES.join(" or ")} here: install one (Debian: apt-get install ${NAMES[0]}), or set CHROMIUM to the path of one`;

/** The path of a Chromium; undefined where there is none. */
export function findBrowser(): string | undefined {
  const { CHROMIUM } = process.env;
  if (CHROMIUM !== undefined && CHROMIUM !== "") return CHROMIUM;
  for (const name of NAMES) {
    const path = Bun.which(name);
    if (path !== null) return path;
  }
  return undefined;
}

export function openBrowser(path: string): Promise<Browser> {
  // Chromium's sandbox refuses to run as root.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return launch({ executablePath: path, headless: "shell", args });
}
