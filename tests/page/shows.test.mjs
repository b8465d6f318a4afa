// What the page shows is what the API says.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, loaded, pause } from "./browser.mjs";
import { Mock } from "./mock/server.mjs";

let browser;
let mock;
before(async () => {
  browser = await Browser.start();
  mock = new Mock({ customers: 900 });
  await mock.listen();
});
after(async () => {
  await browser.close();
  await mock.close();
});

const get = async (path) => (await fetch(`${mock.url}api/v1/${path}`)).json();
const number = (value) => new Intl.NumberFormat("en-GB").format(value);
const percent = (share, digits = 1) => new Intl.NumberFormat("en-GB", { style: "percent", maximumFractionDigits: digits }).format(share);
const money = ({ amount, currency }) => new Intl.NumberFormat("en-GB", { style: "currency", currency }).format(amount);

test("the rates of every window are those of the API", async () => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  const rates = await get("rates");
  for (const days of ["30", "7", "90"]) {
    await page.locator(`#windows input[value="${days}"]`).check();
    const of = rates.windows[`${days}d`];
    for (const [tile, ratio, words] of [
      ["retention", of.retention, "customers stayed"], ["repeat", of.repeat_purchase, "buyers bought more than once"],
      ["returning", of.returning_customers, "buyers had bought before"],
    ]) {
      const share = ratio.numerator / ratio.denominator;
      await page.locator(`#tile-${tile} .words`, { hasText: `${number(ratio.numerator)} of ${number(ratio.denominator)} ${words}` }).waitFor();
      assert.equal(await page.locator(`#tile-${tile} data`).getAttribute("value"), String(share));
      assert.equal(await page.locator(`#tile-${tile} data`).textContent(), percent(share));
    }
    const history = await get(`rates/history?window=${days}d`);
    const last = history.days.at(-1).retention;
    await page.locator(`#tile-retention svg[aria-label*="to ${percent(last.numerator / last.denominator)} on"]`).waitFor();
  }
  const risk = rates.now.risk.medium + rates.now.risk.high;
  assert.match(await page.locator("#verdict-text").textContent(), new RegExp(`${percent(rates.ever.repeat_purchase.numerator / rates.ever.repeat_purchase.denominator)} of all ${number(rates.ever.customers)} .*${risk} customers are slipping away`));
  assert.equal(await page.locator("#tile-repeat .target").count(), 2);
  assert.deepEqual(complaints, []);
});

test("the list holds the API's customers with their value, level, chance and reasons", async () => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  await page.waitForFunction(() => document.getElementById("filter-currency").value === "EUR");
  const answer = await get("customers?level=at_risk&limit=500&currency=EUR");
  await page.locator("#call-count", { hasText: `of ${answer.total} customers` }).waitFor();
  const said = new Map(answer.customers.map((row) => [row.customer_id, row]));
  assert.equal(await page.locator("#call-count").textContent(), `10 of ${number(answer.total)} customers`);
  const values = [];
  for (const row of await page.locator("#call-body tbody tr").all()) {
    const of = said.get(await row.locator(".who .id").textContent());
    assert.ok(of, "only customers that the API names are shown");
    assert.equal(await row.locator(".worth").textContent(), money(of.value_at_risk));
    assert.match(await row.locator(".level").textContent(), new RegExp(`${of.level === "high" ? "High" : "Medium"} risk${percent(of.return_probability, 0)} instead of ${percent(of.usual_return_probability, 0)}`));
    const silence = of.reasons.find((reason) => reason.code === "silence");
    if (of.reasons[0] === silence && silence.usual_days_between >= 3) assert.match(await row.locator(".why").textContent(), new RegExp(`^Silent for ${Math.round(silence.days_silent)} days where ${Math.round(silence.usual_days_between)} are usual`));
    values.push(Number(of.value_at_risk.amount));
  }
  assert.deepEqual(values, [...values].sort((a, b) => b - a), "the most at stake stands first");
  assert.deepEqual(complaints, []);
});

test("filters ask the API, other orders and more rows are made of its answer", async () => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  const ids = () => page.locator("#call-body tbody .who .id").allTextContents();
  for (const [field, value, query] of [["#filter-currency", "", "level=at_risk"], ["#filter-level", "high", "level=high"], ["#filter-channel", "phone", "level=high&channel=phone"], ["#filter-currency", "CHF", "level=high&channel=phone&currency=CHF"]]) {
    await page.locator(field).selectOption(value);
    const said = (await get(`customers?${query}&limit=500`)).customers.map((row) => row.customer_id);
    await page.waitForFunction((length) => document.querySelectorAll("#call-body tbody tr").length === length, Math.min(10, said.length));
    for (const id of await ids()) assert.ok(said.includes(id), `${id} fits ${query}`);
  }
  await page.locator("#filter-channel").selectOption("");
  await page.locator("#filter-currency").selectOption("");
  await page.locator("#filter-level").selectOption("at_risk");
  await page.locator("#sort").selectOption("silent");
  const all = (await get("customers?limit=500")).customers;
  const first = all.reduce((oldest, row) => (row.last_order_at < oldest.last_order_at ? row : oldest));
  await page.locator("#call-body tbody tr:first-child .who .id", { hasText: first.customer_id }).waitFor();
  await page.locator("#call-more").click();
  await page.waitForFunction((length) => document.querySelectorAll("#call-body tbody tr").length === length, Math.min(30, all.length));
  assert.deepEqual(complaints, []);
});

test("the triangle is that of the API", async () => {
  const { page } = await browser.open(mock.url);
  await loaded(page);
  const { cohorts } = await get("cohorts");
  if (cohorts.length > 12) await page.locator("#months-more").click();
  const rows = page.locator(".triangle tbody tr:not(.average)");
  assert.equal(await rows.count(), cohorts.length);
  for (const [n, cohort] of cohorts.entries()) {
    const cells = await rows.nth(n).locator("td:not(.void)").allTextContents();
    const shares = cohort.ordered.slice(1).map((ordered, k) => `${percent(ordered / cohort.customers, 0)}${k === cohort.ordered.length - 2 ? " so far" : ""}`);
    assert.deepEqual(cells, [number(cohort.customers), ...shares], cohort.month);
  }
});

test("support effort stands beside return: actual, expected, and the difference", async () => {
  const { page } = await browser.open(mock.url);
  await loaded(page);
  const { service_recovery: recovery } = await get("rates");
  for (const kind of ["painless", "painful"]) {
    const of = recovery[kind];
    const text = await page.locator(`.care-kind.${kind}`).textContent();
    assert.ok(text.includes(percent(of.numerator / of.denominator)), text);
    assert.ok(text.includes(`${of.numerator} of ${of.denominator}; ${percent(of.expected / of.denominator)} were expected to`), text);
    assert.ok(text.includes(`${Math.round(Math.abs(of.numerator - of.expected))} ${of.numerator > of.expected ? "more" : "fewer"} than expected`), text);
  }
});

test("a story is told with its numbers, its curve and what would be otherwise", async () => {
  const { page, complaints } = await browser.open(mock.url);
  await loaded(page);
  await page.locator("#call-more").click();
  const row = page.locator("#call-body tbody tr", { hasText: "Solve ticket" }).first();
  const id = await row.locator(".who .id").textContent();
  await row.locator("[data-open]").click();
  const of = await get(`customers/${id}`);
  const body = page.locator("#story-body");
  await body.locator("svg.life").waitFor();
  assert.equal(await page.locator("#story-title").textContent(), id);
  const text = await body.textContent();
  assert.equal(of.action, "resolve_ticket");
  assert.match(text, /Next step: Solve ticket t-/);
  assert.ok(text.includes(`usually ${percent(of.chance_of_return.usual_return_probability, 0)}`));
  const odds = (share) => Math.log(share / (1 - share));
  const chance = of.chance_of_return.return_probability;
  for (const one of of.story.without.filter((without) => Math.abs(without.return_probability - chance) > 0.005)) {
    const late = one.code === "open_ticket" && of.story.without.find((other) => other.code === "overdue_ticket" && other.ticket_id === one.ticket_id);
    const share = late ? 1 / (1 + Math.exp(odds(chance) - odds(one.return_probability) - odds(late.return_probability))) : one.return_probability;
    assert.ok(text.includes(percent(share, 0)), one.code);
  }
  assert.equal(await body.locator(".mark.order").count(), of.history.orders.length);
  assert.equal(await body.locator(".change-mark").count(), Math.min(60, of.story.changes.length));
  await body.locator(".life-figure").focus();
  await page.keyboard.press("Home");
  assert.match(await body.locator(".readout").textContent(), /chance of return \d+%, usual \d+%/);
  const more = body.locator("[data-whole]");
  if (await more.count() > 0) await more.click();
  const happened = of.history.orders.length + of.history.refunds.length + of.history.tickets.flatMap((ticket) => ticket.steps).length + of.history.low_ratings.length + of.history.consents.length + of.story.changes.length;
  assert.equal(await body.locator(".happenings li").count(), Math.min(400, happened));
  assert.deepEqual(complaints, []);
});

test("numbers and dates are written as the reader writes them", async () => {
  const { page } = await browser.open(mock.url, { locale: "de-DE" });
  await loaded(page);
  const { retention } = (await get("rates")).windows["30d"];
  const share = new Intl.NumberFormat("de-DE", { style: "percent", maximumFractionDigits: 1 }).format(retention.numerator / retention.denominator);
  assert.equal(await page.locator("#tile-retention data").textContent(), share);
  assert.match(await page.locator("#call-body .worth").first().textContent(), /^\d+,\d\d\s(€|CHF)$/);
});

test("a line and the whole list can be copied, and no cell is a formula", async () => {
  const { page } = await browser.open(mock.url, { permissions: ["clipboard-read", "clipboard-write"] });
  await loaded(page);
  const id = await page.locator("#call-body tbody .who .id").first().textContent();
  await page.locator("#call-body [data-copy]").first().click();
  await page.locator("#copied", { hasText: "Copied" }).waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), new RegExp(`^${id}: (high|medium) risk, .+ at stake, chance of return .+Next: `));
  await page.locator("#copy-list").click();
  await page.locator("#copied", { hasText: "10 customers" }).waitFor();
  const lines = (await page.evaluate(() => navigator.clipboard.readText())).split("\n");
  assert.equal(lines.length, 11);
  for (const cell of lines.flatMap((line) => line.split("\t"))) assert.doesNotMatch(cell, /^[=+\-@]/);
});

test("an empty shop is told what will come, a failing one what is wrong", async () => {
  mock.isEmpty = true;
  try {
    const { page, complaints } = await browser.open(mock.url);
    await page.locator("#verdict", { hasText: "No customers yet." }).waitFor();
    await page.locator("#call-body .empty", { hasText: "Nobody to call." }).waitFor();
    await page.locator("#months-body .empty").waitFor();
    assert.match(await page.locator("#state-text").textContent(), /waiting for the first purchase/);
    assert.deepEqual(complaints, []);
    mock.isEmpty = false;
    mock.failing.set("/api/v1/customers", [503, "restoring 2 partitions"]);
    mock.failing.set("/api/v1/rates", [503, "restoring 2 partitions"]);
    mock.restoring = 2;
    const failing = (await browser.open(mock.url)).page;
    await failing.locator("#verdict-text", { hasText: "restoring 2 partitions" }).waitFor();
    await failing.locator("#call-body .empty", { hasText: "restoring 2 partitions" }).waitFor();
    await failing.locator("#health-text", { hasText: "2 of 4 parts still being restored" }).waitFor();
    mock.failing.clear();
    mock.restoring = 0;
    await failing.locator("#tile-retention data").waitFor({ timeout: 15_000 });
    await failing.locator("#health-text[data-kind=good]").waitFor({ timeout: 15_000 });
    assert.match(await failing.locator("#scope").textContent(), /partitions 0–3 of instance mock-/);
  } finally {
    mock.isEmpty = false;
    mock.failing.clear();
    mock.restoring = 0;
    await pause(1);
  }
});
