// The API of one instance over the made-up shop, and the page itself: for looking at the page without a build, and for
// its tests.
//
//   node tests/page/mock/server.mjs [--port 8090] [--speed 0.5] [--customers 600] [--seed 1] [--token T] [--hostile]
//
// --speed: days of the shop's time in a second.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { DAY } from "./chance.mjs";
import { row, view } from "./customer.mjs";
import { cohorts, history, rates } from "./rates.mjs";
import { Shop, channelsOf, rfc3339 } from "./shop.mjs";

const PAGE = join(dirname(fileURLToPath(import.meta.url)), "../../../src/http/page");
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8" };
const SAFE = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin", "cache-control": "no-store",
};
const LEVELS = { at_risk: ["medium", "high"], medium: ["medium"], high: ["high"], lapsed: ["lapsed"] };
const REMEMBERED = 1000;

export class Mock {
  constructor({ seed = 1, customers = 600, speed = 0, token = null, hostile = false } = {}) {
    this.shop = new Shop({ seed, customers, hostile });
    Object.assign(this, { speed, token, isEmpty: false, failing: new Map(), delay: 0, restoring: 0, asked: [] });
    this.memory = new Map();
    this.streams = new Set();
    this.#begin();
    this.server = createServer((request, response) => this.#answer(request, response).catch(() => response.destroy()));
    this.server.on("connection", (socket) => socket.setNoDelay(true));
  }

  #begin() {
    this.instance = `mock-${process.pid}`;
    this.epoch = (this.epoch ?? 0) + 1;
    this.newest = this.epoch * 1_000_000;
    this.ring = [];
    if (this.epoch === 1) for (const signal of this.shop.past) this.tell(signal);
  }

  async listen(port = 0) {
    await new Promise((resolve, reject) => this.server.listen(port, "127.0.0.1", resolve).once("error", reject));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/`;
    this.ticking = setInterval(() => this.tick(), 200);
    this.keeping = setInterval(() => this.#send(": still here\n\n"), 15_000);
    return this.url;
  }

  async close() {
    clearInterval(this.ticking);
    clearInterval(this.keeping);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Dies and comes back on the same port after some time, with a numbering of its own, as a process does. */
  async restart(downMs) {
    const { port } = this;
    await this.close();
    this.streams.clear();
    await new Promise((resolve) => setTimeout(resolve, downMs));
    this.#begin();
    this.server = createServer((request, response) => this.#answer(request, response).catch(() => response.destroy()));
    await this.listen(port);
  }

  /** A fifth of a second of the shop's time. */
  tick() {
    if (this.speed === 0) return;
    for (const signal of this.shop.advance(this.shop.now + (this.speed * DAY) / 5)) this.tell(signal);
    if (Date.now() - (this.counted ?? 0) >= 1000) {
      this.counted = Date.now();
      this.#send("event: rates\ndata: {}\n\n");
    }
  }

  tell(signal) {
    this.newest += 1;
    const text = `id: ${this.newest}\nevent: ${signal.type}\ndata: ${JSON.stringify(signal)}\n\n`;
    this.ring.push([this.newest, text]);
    if (this.ring.length > REMEMBERED) this.ring.shift();
    this.#send(text);
  }

  #send(text) {
    for (const stream of this.streams) stream.write(text);
  }

  async #answer(request, response) {
    const url = new URL(request.url, "http://127.0.0.1");
    if (url.pathname === "/" || url.pathname.startsWith("/page/")) return this.#file(url.pathname, response);
    this.asked.push(`${url.pathname}${url.search}`);
    if (this.asked.length > 500) this.asked.shift();
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) return problem(response, 401, "send the configured token as `Authorization: Bearer …`");
    const fails = [...this.failing].find(([path]) => url.pathname.startsWith(path));
    if (fails) return problem(response, ...fails[1]);
    if (url.pathname === "/api/v1/events") return this.#stream(request, response);
    return this.#data(url, response);
  }

  #data(url, response) {
    const { shop } = this;
    const parts = { at: rfc3339(shop.now), partitions: [0, 1, 2, 3] };
    const path = url.pathname.slice("/api/v1/".length);
    if (path === "rates") return json(response, this.isEmpty ? this.#nothing() : rates(shop));
    if (path === "rates/history") {
      const days = Number.parseInt(url.searchParams.get("window") ?? "30", 10);
      return json(response, this.isEmpty ? { window: `${days}d`, time_zone: "UTC", days: [] } : history(shop, days, this.memory));
    }
    if (path === "cohorts") return json(response, { ...parts, cohorts: this.isEmpty ? [] : cohorts(shop) });
    if (path === "pipeline") return json(response, this.#pipeline());
    if (path === "customers") return this.#customers(url.searchParams, parts, response);
    if (path.startsWith("customers/")) {
      const customer = shop.byId.get(decodeURIComponent(path.slice("customers/".length)));
      const isKnown = customer !== undefined && customer.orders.length > 0;
      return isKnown ? json(response, view(customer, shop.now)) : problem(response, 404, "this instance knows no such customer; another one may");
    }
    return problem(response, 404, "there is nothing at this path");
  }

  #customers(asked, parts, response) {
    if (this.isEmpty) return json(response, { ...parts, total: 0, customers: [] });
    const levels = LEVELS[asked.get("level") ?? "at_risk"];
    if (!levels) return problem(response, 400, "level is one of at_risk, medium, high, lapsed");
    const [currency, channel, limit] = [asked.get("currency"), asked.get("channel"), Number(asked.get("limit") ?? 50)];
    const of_level = this.shop.customers.filter((one) => levels.includes(one.level) && (!currency || one.currency === currency));
    const open = of_level.filter((one) => !channel || channelsOf(one).includes(channel)).sort((a, b) => b.announced - a.announced);
    return json(response, { ...parts, total: of_level.length, customers: open.slice(0, limit).map((one) => row(one, this.shop.now)) });
  }

  #nothing() {
    const none = { numerator: 0, denominator: 0 };
    const window = {
      retention: none, repeat_purchase: none, returning_customers: none, returning_orders: none, returning_revenue: {},
      painless_resolution: { ...none, unripe: 0, failed: {} }, silent_churn: none,
    };
    return {
      at: null, time_zone: "UTC", activity_horizon: "90d", windows: { "7d": window, "30d": window, "90d": window },
      ever: { customers: 0, repeat_purchase: none, returning_orders: none, pareto: {}, pareto_buckets: {} },
      now: { active: 0, lapsed: 0, risk: { low: 0, medium: 0, high: 0 }, value_at_risk: { medium: {}, high: {} } },
      cohorts: [], service_recovery: { painless: { ...none, expected: 0 }, painful: { ...none, expected: 0 } },
    };
  }

  #pipeline() {
    const inputs = ["purchases", "support", "contacts"].map((source) => ({ source, backlog: 0, lag_seconds: 0.1, idle: source === "contacts" }));
    const partitions = [0, 1, 2, 3].map((partition) => ({
      partition, state: partition < this.restoring ? "restoring" : "running", time: this.isEmpty ? null : rfc3339(this.shop.now),
      customers: this.isEmpty ? 0 : this.shop.customers.filter((one) => one.partition === partition && one.orders.length > 0).length, timers: 10,
      restore_remaining: partition < this.restoring ? 12_000 : 0, inputs,
    }));
    const reason = this.restoring > 0 ? `restoring ${this.restoring} partitions` : null;
    return { instance: this.instance, version: "0.1.0", ready: reason === null, reason, at: this.isEmpty ? null : rfc3339(this.shop.now), partitions };
  }

  #stream(request, response) {
    response.writeHead(200, { ...SAFE, "content-type": "text/event-stream" });
    response.write(`event: hello\ndata: ${JSON.stringify({ instance: this.instance, newest_id: this.newest })}\n\n`);
    const last = request.headers["last-event-id"];
    if (last !== undefined) {
      const after = Number(last);
      const oldest = this.ring[0]?.[0] ?? this.newest + 1;
      if (after > this.newest || after < oldest - 1) response.write("event: gap\ndata: {}\n\n");
      else for (const [id, text] of this.ring) if (id > after) response.write(text);
    }
    this.streams.add(response);
    response.on("close", () => this.streams.delete(response));
  }

  async #file(path, response) {
    const name = path === "/" ? "index.html" : normalize(path.slice("/page/".length));
    if (name.startsWith("..")) return problem(response, 404, "there is nothing at this path");
    try {
      const text = await readFile(join(PAGE, name));
      response.writeHead(200, { ...SAFE, "content-type": TYPES[extname(name)] ?? "application/octet-stream" }).end(text);
    } catch {
      problem(response, 404, "there is nothing at this path");
    }
  }
}

function json(response, body) {
  response.writeHead(200, { ...SAFE, "content-type": "application/json" }).end(JSON.stringify(body));
}

function problem(response, status, detail) {
  const body = { type: "about:blank", title: String(status), status, detail };
  response.writeHead(status, { ...SAFE, "content-type": "application/problem+json" }).end(JSON.stringify(body));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const given = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
  };
  const mock = new Mock({
    seed: Number(given("seed", 1)), customers: Number(given("customers", 600)), speed: Number(given("speed", 0.5)),
    token: given("token", null), hostile: process.argv.includes("--hostile"),
  });
  console.log(await mock.listen(Number(given("port", 8090))));
}
