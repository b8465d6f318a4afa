// Ids are hostile, the token is a secret, and nothing of either leaves the page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, loaded, pause, withoutFailedRequests } from "./browser.mjs";
import { Mock } from "./mock/server.mjs";
import { HOSTILE_IDS, UNSEEN, uuid } from "./mock/shop.mjs";

let browser;
before(async () => { browser = await Browser.start(); });
after(() => browser.close());

async function withMock(options, story) {
  const mock = new Mock({ customers: 200, ...options });
  await mock.listen();
  try {
    await story(mock);
  } finally {
    await mock.close();
  }
}

test("hostile ids are text in the list, the stream, the story and the clipboard", () => withMock({ hostile: true }, async (mock) => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  await pause(500);
  for (const id of HOSTILE_IDS) {
    mock.tell({
      event_id: uuid(`hostile ${id}`), type: "returning_customer", kind: "repeat", customer_id: id, occurred_at: "2026-03-02T10:00:00Z", order_id: id,
      purchase_number: 3, days_since_previous: 2, amount: "1.00", currency: "EUR", lifetime_amount: "3.00", recovered_ticket_id: id, closed_episode_id: null, action: null,
    });
    await page.locator(`#now-list [data-event="${uuid(`hostile ${id}`)}"]`).waitFor();
    await pause(350);
  }
  for (const id of HOSTILE_IDS) {
    await page.locator(`#now-list [data-event="${uuid(`hostile ${id}`)}"] button`).click();
    await page.locator("#story-body :is(.standing, .empty)").waitFor();
    const title = await page.locator("#story-title").textContent();
    assert.doesNotMatch(title, UNSEEN);
    const plain = id.replace(/[^\p{L}\p{N}<>().=/]/gu, "");
    assert.equal(title.replace(/U\+[0-9A-F]+/g, "").replace(/[^\p{L}\p{N}<>().=/]/gu, "").slice(0, 40), plain.slice(0, 40), "the whole id is there");
    if (id !== "..") await page.locator("#story-body .standing").waitFor();
    await page.locator("#story-close").click();
    assert.equal(page.url(), mock.url, "no id in the address bar");
  }
  const feed = await page.locator("#now-list").innerText();
  assert.doesNotMatch(feed.replace(/\n/g, ""), UNSEEN);
  const size = await page.evaluate(() => ({ page: document.documentElement.scrollWidth, window: innerWidth, tallest: Math.max(...[...document.querySelectorAll("#now-list li")].map((one) => one.offsetHeight)) }));
  assert.ok(size.page <= size.window, "nothing hangs out of the page");
  assert.ok(size.tallest < 220, `no id makes a row tall: ${size.tallest}`);
  assert.equal(await page.locator("#main script, #main img, #story img, #story script").count(), 0);
  assert.equal(await page.evaluate(() => history.length), 2, "nothing was added to the history");
  assert.deepEqual(complaints, []);
}));

test("with a token configured the page asks for it, keeps it for the tab, and never tells it", () => withMock({ token: "s3cret" }, async (mock) => {
  const { page, context, complaints } = await browser.open(mock.url);
  await page.locator("#door-form").waitFor();
  assert.equal(await page.locator("#main").isVisible(), false);
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await page.locator("#door-error", { hasText: "This is not the token" }).waitFor();
  await page.locator("#token").fill("s3cret");
  await page.locator("#door-form button").click();
  await loaded(page);
  const one = mock.shop.past[0];
  mock.tell({ ...one, event_id: uuid("with a token") });
  await page.locator(`#now-list [data-event="${uuid("with a token")}"]`).waitFor({ timeout: 1_500 });
  assert.deepEqual(await context.cookies(), []);
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("s3cret")), false);
  assert.equal((await page.content()).includes("s3cret"), false);
  assert.ok(mock.asked.every((path) => !path.includes("s3cret")));
  await page.reload();
  await loaded(page);
  mock.token = "another";
  for (const stream of mock.streams) stream.destroy();
  await page.locator("#door-form").waitFor({ timeout: 5_000 });
  mock.token = "s3cret";
  await page.locator("#token").fill("s3cret");
  await page.keyboard.press("Enter");
  await loaded(page);
  await page.locator("#forget").click();
  await page.locator("#door-form").waitFor();
  assert.deepEqual(withoutFailedRequests(complaints), []);
}));

test("who may not ask at all is told who may", () => withMock({}, async (mock) => {
  mock.failing.set("/api/v1/", [403, "without http.token the API answers this machine only; set a token to open it"]);
  const { page } = await browser.open(mock.url);
  await page.locator("#door-title", { hasText: "answers its own machine only" }).waitFor();
  assert.equal(await page.locator("#door-form").isVisible(), false);
}));

test("a page with a strict policy runs nothing but its own files", () => withMock({}, async (mock) => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  assert.equal(await page.locator("[style], style, script:not([src])").evaluateAll((all) => all.filter((one) => one.tagName !== "DIV" && one.tagName !== "I").length), 0);
  await page.evaluate(() => { const script = document.createElement("script"); script.textContent = "document.title = 'ran'"; document.body.append(script); });
  assert.notEqual(await page.title(), "ran");
  assert.ok(complaints.some((text) => text.includes("CSP")), "the policy is at work");
}));
