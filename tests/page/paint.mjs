// How soon a page of a running service is there: node tests/page/paint.mjs URL [TIMES]. Each time a browser context that
// has never seen it, and times from the navigation's start: the first paint, and the frame after that in which there are
// the rates, the list of whom to call first, and all of it with the pipeline's health.
import { Browser, loaded } from "./browser.mjs";

const [url, times = "7"] = process.argv.slice(2);

/** Looks at every frame what is there; a frame later it has been drawn. */
function watch() {
  const parts = { rates: ["#tile-retention data"], list: ["#call-body tbody tr"], all: ["#tile-retention data", "#tile-retention svg", "#call-body tbody tr", "#months-body table", "#health-text[data-kind]"] };
  window.there = {};
  const look = () => {
    for (const [name, all] of Object.entries(parts)) {
      if (window.there[name] !== undefined || !all.every((one) => document.querySelector(one))) continue;
      window.there[name] = null;
      requestAnimationFrame(() => { window.there[name] = performance.now(); });
    }
    if (Object.values(window.there).filter((at) => at > 0).length < 3) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

const browser = await Browser.start();
const took = { "first paint": [], rates: [], list: [], all: [] };
for (let n = 0; n < Number(times); n += 1) {
  const { page, context } = await browser.open(url, { watch });
  await loaded(page);
  await page.waitForFunction(() => window.there.all > 0);
  const there = await page.evaluate(() => ({ "first paint": performance.getEntriesByName("first-contentful-paint")[0].startTime, ...window.there }));
  for (const name of Object.keys(took)) took[name].push(there[name]);
  await context.close();
}
await browser.close();

for (const [name, all] of Object.entries(took)) {
  const sorted = [...all].sort((a, b) => a - b);
  console.log(`page: ${name}: median ${Math.round(sorted[Math.floor(sorted.length / 2)])} ms, most ${Math.round(sorted.at(-1))} ms of ${times} times`);
}
