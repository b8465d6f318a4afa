// For everybody: axe's rules in both themes and at phone width, and all of it by keyboard.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Browser, loaded, pause, violations } from "./browser.mjs";
import { Mock } from "./mock/server.mjs";

let browser;
let mock;
before(async () => {
  browser = await Browser.start();
  mock = new Mock({ customers: 500 });
  await mock.listen();
});
after(async () => {
  await browser.close();
  await mock.close();
});

afterEach(() => {
  Object.assign(mock, { isEmpty: false, token: null });
  mock.failing.clear();
});

const PHONE = { width: 390, height: 844, isPhone: true };
const LOOKS = { light: {}, dark: { scheme: "dark" }, phone: PHONE, "phone, dark": { ...PHONE, scheme: "dark" } };

for (const [name, look] of Object.entries(LOOKS)) {
  test(`axe finds nothing on the page and in a story: ${name}`, async () => {
    const { page } = await browser.open(mock.url, { ...look, isStill: true });
    await loaded(page);
    await page.locator(".health summary").click();
    await page.locator("#now-list li").first().waitFor();
    assert.deepEqual(await violations(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing hangs out of the page");
    await page.locator("#call-body [data-open]").first().click();
    await page.locator("#story-body svg.life").waitFor();
    assert.deepEqual(await violations(page), []);
  });

  test(`axe finds nothing when there is nothing, and when the line is lost: ${name}`, async () => {
    mock.isEmpty = true;
    const empty = (await browser.open(mock.url, { ...look, isStill: true })).page;
    await empty.locator("#verdict", { hasText: "No customers yet." }).waitFor();
    await empty.locator("#call-body .empty").waitFor();
    assert.deepEqual(await violations(empty), []);
    mock.isEmpty = false;
    mock.token = "s3cret";
    const door = (await browser.open(mock.url, { ...look, isStill: true })).page;
    await door.locator("#door-form").waitFor();
    assert.deepEqual(await violations(door), []);
    mock.token = null;
    const lost = (await browser.open(mock.url, { ...look, isStill: true })).page;
    await loaded(lost);
    mock.failing.set("/api/v1/", [503, "shutting down"]);
    for (const stream of mock.streams) stream.destroy();
    await lost.locator("#notice").waitFor({ timeout: 5_000 });
    assert.deepEqual(await violations(lost), []);
    mock.failing.clear();
  });
}

test("everything is reached and used by keyboard, and focus comes back", async () => {
  const { page, complaints } = await browser.open(mock.url, { isStill: true });
  await loaded(page);
  await page.locator("#now-list li").first().waitFor();
  await pause(600);
  const where = () => page.evaluate(() => {
    const of = document.activeElement;
    return of.id || (of.dataset.open !== undefined ? "row" : of.dataset.copy !== undefined ? "copy" : of.name ? `${of.name}=${of.value}` : of.className || of.tagName);
  });
  const walked = [];
  for (let n = 0; n < 80; n += 1) {
    await page.keyboard.press("Tab");
    walked.push(await where());
    if (walked.at(-1) === "BODY") break;
  }
  const order = ["skip", "theme", "window=30", "copy-list", "filter-level", "filter-channel", "sort", "row", "copy", "call-more", "pause", "kind=all", "months-scroll"];
  let from = -1;
  for (const place of order) {
    const found = walked.indexOf(place, from + 1);
    assert.ok(found > from, `${place} comes after what is before it: ${walked.join(", ")}`);
    from = found;
  }
  assert.ok(walked.includes("SUMMARY"));
  await page.locator("#windows input:checked").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("#windows input:checked").getAttribute("value"), "90");
  const row = page.locator("#call-body [data-open]").first();
  const id = await row.textContent();
  await row.focus();
  await page.keyboard.press("Enter");
  await page.locator("#story-body svg.life").waitFor();
  assert.equal(await where(), "story-title");
  for (let n = 0; n < 12; n += 1) {
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null), "focus stays in the story");
  }
  await page.keyboard.press("Escape");
  await page.locator("#story").waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), id);
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(ring, "solid", "focus is seen");
  assert.deepEqual(complaints, []);
});

test("the stream is announced in sums, four times a minute at most", async () => {
  const { page } = await browser.open(mock.url);
  await loaded(page);
  const said = page.evaluate(() => new Promise((resolve) => {
    let times = 0;
    new MutationObserver(() => { times += 1; }).observe(document.getElementById("now-said"), { childList: true, characterData: true, subtree: true });
    setTimeout(() => resolve(times), 6_000);
  }));
  for (let n = 0; n < 50; n += 1) {
    for (const one of mock.shop.past.slice(0, 3)) mock.tell({ ...one, event_id: `said ${n} ${one.event_id}` });
    await pause(100);
  }
  const times = await said;
  assert.ok(times >= 1 && times <= 3, `${times} changes of text in six seconds`);
  assert.match(await page.locator("#now-said").textContent(), /customers? (came back|is|are)/);
});

test("no motion for who wants none", async () => {
  const { page } = await browser.open(mock.url, { isStill: true });
  await loaded(page);
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});
