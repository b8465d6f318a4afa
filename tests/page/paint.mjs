// How soon a page of a running service is there: node tests/page/paint.mjs URL [TIMES]. Each time a browser context that
// has never seen it.
import { Browser, loaded } from "./browser.mjs";

const [url, times = "7"] = process.argv.slice(2);
const browser = await Browser.start();
const paints = [];
const whole = [];
for (let n = 0; n < Number(times); n += 1) {
  const began = Date.now();
  const { page, context } = await browser.open(url);
  await loaded(page);
  whole.push(Date.now() - began);
  paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
  await context.close();
}
await browser.close();

const tell = (all) => {
  const sorted = [...all].sort((a, b) => a - b);
  return `median ${Math.round(sorted[Math.floor(sorted.length / 2)])} ms, most ${Math.round(sorted.at(-1))} ms`;
};
console.log(`page: first paint ${tell(paints)}; rates, list and health there ${tell(whole)}; ${times} times`);
