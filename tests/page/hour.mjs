// An hour of live updates, and nothing grows: node tests/page/hour.mjs [MINUTES] [EVENTS_A_SECOND]
//
// The page of a service on a real broker is open in Chromium while a shop goes on. Its customers are always the same, and
// before it begins each has more orders than are remembered one by one: so there is nothing that has to grow. Every two
// minutes somebody opens a story, closes it and looks at another window; then garbage is collected and all is measured.
// The first third of the time warms up. Grown is what has a median in the last third that is more than 5 % (and more than
// LEAST) above that of the middle third: a leak of ten bytes a signal would be seen. Then it ends with 1.
import { readFileSync } from "node:fs";
import { Browser, loaded, pause } from "./browser.mjs";
import { Regulars, SETTLED_ORDERS } from "./regulars.mjs";
import { OnBroker, until } from "./service.mjs";

const [minutes, rate] = [Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 20)];
const CUSTOMERS = 200;
const EVERY_S = Math.max(12, Math.min(120, minutes * 2));
const GROWTH = 1.05;
/** Less than this is no growth: a row more in a list, a page of the allocator. */
const LEAST = { "heap, KiB": 256, nodes: 100, listeners: 10, "service, KiB": 2_048 };

const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];

class Shop {
  constructor(stage) {
    this.settled = Math.round(CUSTOMERS * SETTLED_ORDERS * 1.5);
    const live = Math.round(minutes * 60 * rate);
    this.regulars = new Regulars({ customers: CUSTOMERS, events: this.settled + live, until: Date.now() - 30 * 86_400_000 });
    this.writers = new Map(["purchases", "support", "contacts"].map((topic) => [topic, stage.writer(topic)]));
    this.sent = 0;
  }

  async send() {
    const { topic, key, value } = this.regulars.next();
    await this.writers.get(topic).write(key, value);
    this.sent += 1;
  }

  async settle() {
    while (this.sent < this.settled) await this.send();
  }

  /** Goes on at its rate until it is told to stop. */
  async goOn() {
    const [began, before] = [performance.now(), this.sent];
    while (!this.isOver) {
      while (this.sent - before < ((performance.now() - began) / 1000) * rate) await this.send();
      await pause(50);
    }
  }
}

const residentOf = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);

async function counted(url, name) {
  const text = await (await fetch(`${url}metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(name)).reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** What a person does now and then. */
async function use(page) {
  await page.locator("#call-body [data-open], #now-list [data-n]").first().click();
  await page.locator("#story-body svg.life").waitFor();
  await pause(3_000);
  await page.locator("#story-close").click();
  for (const days of ["7", "90", "30"]) await page.locator(`#windows input[value="${days}"]`).check();
  await page.mouse.move(5, 5);
  await pause(3_000);
}

async function measured(page, cdp, browser, stage) {
  for (let n = 0; n < 3; n += 1) await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { metrics } = await cdp.send("Performance.getMetrics");
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  const { processInfo } = await browser.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter((one) => one.type === "renderer").map((one) => residentOf(one.id));
  return {
    "heap, KiB": Math.round(usedSize / 1024), nodes: of("Nodes"), listeners: of("JSEventListeners"), "service, KiB": residentOf(stage.service.process.pid),
    "renderer, KiB": Math.max(...renderers), signals: await counted(stage.url, "homecoming_signals_total"), rows: await page.locator("#now-list li").count(),
  };
}

/** What grew, in words. The renderer's memory is told only: the driver has it keep answers for whoever debugs. */
function grown(samples) {
  const third = Math.floor(samples.length / 3);
  const [middle, last] = [samples.slice(-2 * third, -third), samples.slice(-third)];
  return Object.keys(LEAST).flatMap((name) => {
    const [before, after] = [middle, last].map((all) => median(all.map((one) => one[name])));
    const isGrown = after > before * GROWTH && after > before + LEAST[name];
    console.log(`hour: ${name}: first ${samples[0][name]}, middle third ${before}, last third ${after}, last ${samples.at(-1)[name]}${isGrown ? ": GROWN" : ""}`);
    return isGrown ? [name] : [];
  });
}

const stage = await OnBroker.start();
const browser = await Browser.start();
const shop = new Shop(stage);
try {
  await shop.settle();
  console.log(`hour: ${shop.sent} events sent`);
  await until("what happened before is read", async () => (await counted(stage.url, "homecoming_events_total")) >= shop.settled, 300_000);
  await until("time has come to it", async () => (await (await fetch(`${stage.url}api/v1/rates`)).json()).windows["30d"].retention.denominator > CUSTOMERS / 2);
  const { page, context, complaints } = await browser.open(stage.url);
  await loaded(page);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Performance.enable");
  const whole = await browser.browser.newBrowserCDPSession();
  const before = await counted(stage.url, "homecoming_signals_total");
  const going = shop.goOn();
  const samples = [];
  for (const began = Date.now(); Date.now() - began < minutes * 60_000;) {
    await pause(Math.max(0, began + (samples.length + 1) * EVERY_S * 1000 - Date.now() - 6_000));
    await use(page);
    samples.push(await measured(page, cdp, whole, stage));
    console.log(`hour: ${((Date.now() - began) / 60_000).toFixed(1)} min ${JSON.stringify(samples.at(-1))}`);
  }
  shop.isOver = true;
  await going;
  const signals = (await counted(stage.url, "homecoming_signals_total")) - before;
  const isLive = (await page.locator("#state[data-state=live]").count()) === 1;
  const faults = [...grown(samples), ...complaints, ...(isLive ? [] : ["the page is not live"]), ...(signals < minutes * rate * 20 ? ["too few signals came"] : [])];
  console.log(`hour: ${minutes} min, ${shop.sent - shop.settled} events, ${signals} signals, ${samples.length} times measured${faults.length > 0 ? `: ${faults.join("; ")}` : ": nothing grew"}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
} finally {
  shop.isOver = true;
  await browser.close();
  await stage.stop();
}
