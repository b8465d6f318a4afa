// What happens shows at once, and the page outlives whatever happens to the line.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, loaded, pause, withoutFailedRequests } from "./browser.mjs";
import { Mock } from "./mock/server.mjs";
import { uuid } from "./mock/shop.mjs";

let browser;
let mock;
before(async () => {
  browser = await Browser.start();
  mock = new Mock({ customers: 300 });
  await mock.listen();
});
after(async () => {
  await browser.close();
  await mock.close();
});

let made = 0;
function signal(more = {}) {
  made += 1;
  return {
    event_id: uuid(`made ${made}`), type: "returning_customer", kind: "second_purchase", customer_id: `c-${String(1 + (made % 250)).padStart(5, "0")}`, occurred_at: "2026-03-02T10:00:00Z",
    order_id: `o-${made}`, purchase_number: 2, days_since_previous: 41.25, amount: "129.90", currency: "EUR", lifetime_amount: "301.40",
    recovered_ticket_id: null, closed_episode_id: null, action: "thank_you", ...more,
  };
}

const risk = (more = {}) => ({
  ...signal(), type: "churn_risk", kind: "raised", level: "high", previous_level: "low", risk: 0.77, return_probability: 0.14, usual_return_probability: 0.62,
  horizon_days: 90, expected_next_purchase_at: null, value_at_risk: { amount: "41.20", currency: "EUR" },
  reasons: [
    { code: "silence", log_odds: -1.6, days_silent: 50, usual_days_between: 12.4, return_probability_without: 0.45 },
    { code: "open_ticket", log_odds: -0.7, ticket_id: "t-9", days_open: 6, return_probability_without: 0.25 },
  ], action: "resolve_ticket", contact_channels: ["email"], arm: "act", model: "mbg_nbd/default", ...more,
});

const shownOf = (page, one) => page.locator(`#now-list [data-event="${one.event_id}"]`);

test("a signal shows within a second, in words", async () => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  await pause(800);
  for (const one of [risk({ customer_id: "Ana" }), signal({ customer_id: "Ben" }), signal({ kind: "reactivated", purchase_number: 3 })]) {
    const told = performance.now();
    mock.tell(one);
    await shownOf(page, one).waitFor({ timeout: 1_000 });
    assert.ok(performance.now() - told < 1_000);
  }
  const text = await page.locator("#now-list").textContent();
  assert.match(text, /Ana is almost goneSilent for 50 days where 12 are usual, ticket t-9 open for 6 days\. Worth €41\.20\.Next: Solve ticket t-9/);
  assert.match(text, /Ben came back for the first time2nd order after 41 days, €129\.90\.Next: Say thank you/);
  assert.deepEqual(complaints, []);
});

test("of more than a person can read the weightiest are shown, and all are counted", async () => {
  const { page } = await browser.open(mock.url);
  await loaded(page);
  await pause(1_500);
  const dull = Array.from({ length: 100 }, () => signal({ kind: "repeat", purchase_number: 5, amount: "1.00" }));
  const weighty = [signal({ kind: "reactivated", recovered_ticket_id: "t-1" }), risk({ value_at_risk: { amount: "999.00", currency: "EUR" } })];
  for (const one of [...dull.slice(0, 50), ...weighty, ...dull.slice(50)]) mock.tell(one);
  for (const one of weighty) await shownOf(page, one).waitFor({ timeout: 1_000 });
  await page.locator("#now-count", { hasText: "101 came back, 1 slipping" }).waitFor();
  let shown = 0;
  for (const one of dull) shown += await shownOf(page, one).count();
  assert.ok(shown >= 20 && shown <= 38, `${shown} of a hundred`);
});

test("the page outlives a restart of the service, says so meanwhile, and misses nothing it can have", async () => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  await pause(500);
  const down = mock.restart(3_500);
  await page.locator("#notice", { hasText: /The connection is lost\. Last heard (a moment|\d+ s) ago, trying again/ }).waitFor({ timeout: 5_000 });
  assert.equal(await page.locator("#state-text").textContent(), "Not live");
  await down;
  await page.locator("#notice").waitFor({ state: "hidden", timeout: 12_000 });
  const one = signal();
  mock.tell(one);
  await shownOf(page, one).waitFor({ timeout: 1_000 });
  await page.locator("#now-list .feed-note", { hasText: "started anew" }).waitFor();
  assert.deepEqual(withoutFailedRequests(complaints), []);
});

test("numbers that stop coming while the line is open are told, and come back", async () => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  await pause(500);
  mock.failing.set("/api/v1/rates", [503, "restoring 1 partitions"]);
  mock.tell(signal());
  await page.locator("#notice", { hasText: "Not ready: restoring 1 partitions." }).waitFor({ timeout: 6_000 });
  mock.failing.clear();
  await page.locator("#notice").waitFor({ state: "hidden", timeout: 12_000 });
  assert.deepEqual(withoutFailedRequests(complaints), []);
});

test("a line that breaks for a moment loses no signal and shows none twice", async () => {
  const { page } = await browser.open(mock.url);
  await loaded(page);
  await pause(500);
  const first = signal();
  mock.tell(first);
  await shownOf(page, first).waitFor();
  for (const stream of mock.streams) stream.destroy();
  const missed = [signal(), risk()];
  for (const one of missed) mock.tell(one);
  for (const one of missed) await shownOf(page, one).waitFor({ timeout: 4_000 });
  assert.equal(await shownOf(page, first).count(), 1);
});

test("what is paused stands still, what is filtered is not shown, and nothing of it is lost", async () => {
  const { page } = await browser.open(mock.url);
  await loaded(page);
  await pause(500);
  await page.locator("#pause").click();
  const held = [signal(), risk()];
  for (const one of held) mock.tell(one);
  await page.locator("#now-held", { hasText: "Paused: 2 new" }).waitFor();
  assert.equal(await shownOf(page, held[0]).count(), 0);
  await page.locator("#pause").click();
  for (const one of held) await shownOf(page, one).waitFor();
  await page.locator("#now-kinds input[value=away]").check();
  assert.equal(await shownOf(page, held[0]).isVisible(), false);
  assert.equal(await shownOf(page, held[1]).isVisible(), true);
});

test("a list that somebody reads stands still until they leave it", async () => {
  const { page } = await browser.open(mock.url);
  await loaded(page);
  await pause(500);
  const first = signal();
  mock.tell(first);
  await shownOf(page, first).waitFor();
  await page.locator("#now-list li").first().hover();
  const later = signal();
  mock.tell(later);
  await page.locator("#now-held", { hasText: "Standing still while you read: 1 new" }).waitFor();
  assert.equal(await shownOf(page, later).count(), 0);
  await page.mouse.move(5, 5);
  await shownOf(page, later).waitFor({ timeout: 2_000 });
});

test("the story follows its customer", async () => {
  const { page } = await browser.open(mock.url);
  await loaded(page);
  await page.locator("#call-body [data-open]").first().click();
  await page.locator("#story-body svg.life").waitFor();
  const id = await page.locator("#story-title").textContent();
  const asked = () => mock.asked.filter((path) => path === `/api/v1/customers/${id}`).length;
  const before_ = asked();
  mock.tell(signal({ customer_id: id }));
  for (let n = 0; n < 40 && asked() === before_; n += 1) await pause(100);
  assert.ok(asked() > before_);
});

test("thousands of live signals leave no node, listener or memory behind", async () => {
  const { page, context } = await browser.open(mock.url);
  await loaded(page);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Performance.enable");
  const measured = async () => {
    await pause(1_500);
    for (let n = 0; n < 3; n += 1) await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    return { nodes: of("Nodes"), listeners: of("JSEventListeners"), heap: of("JSHeapUsedSize") };
  };
  const flood = async (times) => {
    for (let n = 0; n < times; n += 1) {
      for (let k = 0; k < 25; k += 1) mock.tell(k % 2 === 0 ? signal() : risk());
      if (n % 10 === 0) for (const stream of mock.streams) stream.write("event: rates\ndata: {}\n\n");
      if (n % 40 === 0) {
        await page.locator("#call-body [data-open]").first().click();
        await page.locator("#story-body svg.life").waitFor();
        await page.locator("#story-close").click();
      }
      await pause(40);
    }
  };
  await flood(120);
  const warm = await measured();
  await flood(280);
  const late = await measured();
  console.log(`after 3,000 signals ${JSON.stringify(warm)}, after 10,000 ${JSON.stringify(late)}`);
  assert.ok((await page.locator("#now-list li").count()) <= 40);
  assert.ok(late.nodes <= warm.nodes + 200, "no nodes are left behind");
  assert.ok(late.listeners <= warm.listeners + 20, "no listeners are left behind");
  assert.ok(late.heap <= warm.heap + 1_500_000, "no memory is left behind");
});
