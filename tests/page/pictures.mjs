// The pictures of docs/page: node tests/page/pictures.mjs FOLDER
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Browser, loaded, pause } from "./browser.mjs";
import { Mock } from "./mock/server.mjs";

/** One of them is a little smaller than the rest of a page that is read in a browser. */
const LARGEST = 310_000;

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const browser = await Browser.start();
const mock = new Mock({ customers: 900, speed: 0.25 });
await mock.listen();

async function take(name, look, act) {
  const { page, context } = await browser.open(mock.url, { isStill: true, ...look });
  await loaded(page);
  await page.locator("#now-list li:nth-child(7)").waitFor();
  await pause(600);
  if (act) await act(page);
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  console.log(`${name}: ${statSync(path).size} bytes`);
  if (statSync(path).size > LARGEST) throw new Error(`${name} is larger than a page of the docs should carry`);
  await context.close();
}

/** Somebody with an open ticket, so that there is something to be otherwise. */
const story = async (page) => {
  await page.locator("#call-body tbody tr", { hasText: "Solve ticket" }).first().locator("[data-open]").click();
  await page.locator("#story-body svg.life").waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await pause(400);
};
const PHONE = { width: 390, height: 844, isPhone: true, scale: 2 };

await take("light", { height: 1000 });
await take("dark", { height: 1000, scheme: "dark" });
await take("story-light", { height: 1080 }, story);
await take("story-dark", { height: 1080, scheme: "dark" }, story);
await take("phone-light", PHONE);
await take("phone-dark", { ...PHONE, scheme: "dark" }, async (page) => {
  await page.locator(".call").scrollIntoViewIfNeeded();
  await page.evaluate(() => document.querySelector(".call").scrollIntoView());
  await pause(200);
});
await browser.close();
await mock.close();
