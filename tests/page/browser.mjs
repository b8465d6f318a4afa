// A real Chromium, and a page in it that remembers whatever went wrong on it.
import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(join(root, ".tools/page/package.json"));
const { chromium } = require("playwright-core");
const { AxeBuilder } = require("@axe-core/playwright");

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--font-render-hinting=none", "--js-flags=--expose-gc",
];

export class Browser {
  static async start() {
    const home = mkdtempSync(join(tmpdir(), "homecoming-page-"));
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, env: { ...process.env, HOME: home } });
    return Object.assign(new Browser(), { browser, home });
  }

  /** A page at an address, in a context of its own. `complaints` fills with what a person would find in the console;
   * `watch` runs on the page before anything of its own does. */
  async open(url, { width = 1440, height = 1000, scheme = "light", locale = "en-GB", isPhone = false, scale = 1, permissions = [], isStill = false, watch = null } = {}) {
    const context = await this.browser.newContext({
      viewport: { width, height }, colorScheme: scheme, locale, hasTouch: isPhone, isMobile: isPhone, deviceScaleFactor: scale, permissions,
      reducedMotion: isStill ? "reduce" : "no-preference",
    });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
    page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
    page.on("dialog", (dialog) => { complaints.push(`a dialog said ${dialog.message()}`); void dialog.dismiss(); });
    page.on("request", (request) => { if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) complaints.push(`asked ${request.url()}`); });
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
    });
    if (watch) await page.addInitScript(watch);
    await page.goto(url);
    return { page, context, complaints };
  }

  async close() {
    await this.browser.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Waits until the first numbers are there. */
export async function loaded(page) {
  await page.locator("#tile-retention data").waitFor();
  await page.locator("#call-body tbody tr").first().waitFor();
  await page.locator("#health-text[data-kind]").waitFor();
}

/** What axe finds, told in lines. */
export async function violations(page) {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")}: ${node.failureSummary?.split("\n").slice(1).join(" ").trim()}`));
}

/** What is only the browser's own note that a request failed, which a test brought about. */
export const withoutFailedRequests = (complaints) => complaints.filter((text) => !text.startsWith("Failed to load resource"));

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
