// The page with the real thing behind it. HOMECOMING names the program, HOMECOMING_BROKER=yes asks for a broker too.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Browser, loaded, pause, violations, withoutFailedRequests } from "./browser.mjs";
import { Demo, OnBroker, until } from "./service.mjs";

Object.defineProperty(globalThis, "navigator", { value: { languages: ["en-GB"] }, configurable: true });
const { Events } = await import("../../src/http/page/js/sse.js");

let browser;
before(async () => { browser = await Browser.start(); });
after(() => browser.close());

const number = (value) => new Intl.NumberFormat("en-GB").format(value);

/** Hears what the API's stream says for some time: ids of events and when they came. */
async function heard(url, ms) {
  const stop = AbortSignal.timeout(ms);
  const found = [];
  try {
    const response = await fetch(`${url}api/v1/events`, { signal: stop });
    const decoder = new TextDecoder();
    const events = new Events();
    for await (const chunk of response.body) {
      for (const event of events.read(decoder.decode(chunk, { stream: true }))) {
        if (["returning_customer", "churn_risk"].includes(event.name)) found.push({ id: JSON.parse(event.data).event_id, at: Date.now() });
      }
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  return found;
}

/** From now on the page remembers when each signal showed. */
const remember = (page) => page.evaluate(() => {
  window.showed = {};
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) if (node.dataset?.event) window.showed[node.dataset.event] ??= Date.now();
  }).observe(document.getElementById("now-list"), { childList: true });
});

async function showsInTime(page, url, ms) {
  await remember(page);
  const all = await heard(url, ms);
  await pause(1_200);
  const showed = await page.evaluate(() => window.showed);
  const delays = all.filter((one) => showed[one.id] !== undefined).map((one) => showed[one.id] - one.at);
  console.log(`${all.length} signals, ${delays.length} of them shown, the slowest after ${Math.max(...delays)} ms`);
  assert.ok(all.length >= 5, "there is something to show");
  assert.ok(delays.length >= Math.min(all.length, 30) * 0.9, "they are shown, up to what a person can read");
  assert.ok(Math.max(...delays) < 1_000, "each within a second");
  return { all, delays };
}

async function agrees(page, url) {
  await until("the page shows the API's numbers", async () => {
    const rates = await (await fetch(`${url}api/v1/rates`)).json();
    const of = rates.windows["30d"];
    await pause(150);
    const text = await page.locator("#tiles").textContent();
    return [
      `${number(of.retention.numerator)} of ${number(of.retention.denominator)} customers stayed`,
      `${number(of.repeat_purchase.numerator)} of ${number(of.repeat_purchase.denominator)} buyers bought more than once`,
      `${number(of.returning_customers.numerator)} of ${number(of.returning_customers.denominator)} buyers had bought before`,
    ].every((words) => text.includes(words));
  }, 20_000);
}

describe("homecoming demo", () => {
  let demo;
  before(async () => { demo = await Demo.start(["--customers", "800", "--speed", "2h"]); });
  after(() => demo?.stop());

  test("the page is whole, agrees with the API, is live, and nothing complains", async () => {
    const { page, complaints } = await browser.open(demo.url, { isStill: true });
    await loaded(page);
    await agrees(page, demo.url);
    const { headers } = await fetch(demo.url);
    assert.match(headers.get("content-security-policy"), /default-src 'none'; script-src 'self'/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    await showsInTime(page, demo.url, 12_000);
    assert.deepEqual(await violations(page), []);
    await page.locator("#call-body [data-open]").first().click();
    await page.locator("#story-body svg.life").waitFor();
    assert.deepEqual(await violations(page), []);
    assert.match(await page.locator("#scope").textContent(), /partitions 0–3 of instance/);
    assert.deepEqual(complaints, []);
  });
});

describe("homecoming run on a real broker", { skip: process.env.HOMECOMING_BROKER === "yes" ? false : "asked for by --broker" }, () => {
  let stage;
  before(async () => {
    stage = await OnBroker.start();
  });
  after(() => stage?.stop());

  test("an empty shop fills, agrees with the API, shows signals in time, and outlives a restart", async () => {
    const { page, complaints } = await browser.open(stage.url);
    await page.locator("#verdict", { hasText: "No customers yet." }).waitFor();
    void stage.load(40_000, 40);
    await page.locator("#tile-repeat data").waitFor({ timeout: 20_000 });
    // Who stayed is told once the shop has been there for longer than the window.
    await page.locator("#tile-retention data").waitFor({ timeout: 90_000 });
    await loaded(page);
    await showsInTime(page, stage.url, 12_000);
    await stage.service.stop();
    await page.locator("#notice", { hasText: "The connection is lost." }).waitFor({ timeout: 10_000 });
    await stage.startService();
    await page.locator("#notice").waitFor({ state: "hidden", timeout: 15_000 });
    await showsInTime(page, stage.url, 12_000);
    await stage.loading.stop();
    await agrees(page, stage.url);
    assert.deepEqual(withoutFailedRequests(complaints), []);
  });

  test("a service with a token is asked with it, for numbers and for the stream", async () => {
    await stage.service.stop();
    await stage.startService({ HOMECOMING__HTTP__TOKEN: "s3cret" });
    const { page, complaints } = await browser.open(stage.url);
    await page.locator("#door-form").waitFor();
    await page.locator("#token").fill("s3cret");
    await page.keyboard.press("Enter");
    await loaded(page);
    await page.locator("#state[data-state=live]").waitFor();
    await page.locator("#call-body [data-open]").first().click();
    await page.locator("#story-body svg.life").waitFor();
    assert.equal((await fetch(`${stage.url}api/v1/rates`)).status, 401);
    assert.deepEqual(withoutFailedRequests(complaints), []);
  });
});
