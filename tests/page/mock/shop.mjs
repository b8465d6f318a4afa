// A made-up shop that follows from its seed: people who buy, ask for help, fall silent and come back. Time passes when
// it is told to; what happened comes back as the signals of the topics.
import { createHash } from "node:crypto";
import { DAY, HORIZON_DAYS, assess, levelAfter } from "./chance.mjs";

const STEP = DAY / 4;
export const OPENS_AT = Date.UTC(2025, 0, 6);
const HISTORY_DAYS = 420;

function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const rfc3339 = (at) => new Date(Math.round(at)).toISOString().replace(".000Z", "Z");
export const money = (cents, currency) => ({ amount: (cents / 100).toFixed(2), currency });

export function uuid(text) {
  const hex = createHash("sha1").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Ids that want to do harm: markup, text that runs the other way, what can't be seen, what never ends. */
export const HOSTILE_IDS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(document.domain)>",
  "\u202eevil\u202c.exe",
  "\u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627 c-1",
  "\u{1f6cd}\ufe0f\u{1f468}\u200d\u{1f469}\u200d\u{1f467}".repeat(10),
  "\u{1f600}".repeat(64),
  "line one\nline two\ttab\u0000nul\u0007",
  "a".repeat(256),
  "=HYPERLINK(\"http://evil.example\",\"c-1\")",
  "../../metrics?x=1#y%2F",
  "javascript:alert(1)",
  "zero\u200bwidth\ufeff\u2066isolate",
  "Z\u0351\u036b\u0343\u036a\u0302".repeat(20),
  "..",
];

/** What the page may not show raw, because it would be unseen or turn its neighbours around. */
export const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;

export class Shop {
  constructor({ seed = 1, customers = 600, hostile = false } = {}) {
    this.customers = [];
    this.byId = new Map();
    this.pending = [];
    this.now = OPENS_AT;
    this.nextLook = OPENS_AT;
    const draw = random(seed);
    this.until = OPENS_AT + (HISTORY_DAYS + 1200) * DAY;
    for (let n = 0; n < customers; n += 1) this.#move_in(draw, n, hostile ? HOSTILE_IDS[n] : undefined);
    this.pending.sort((a, b) => a.at - b.at);
    this.next = 0;
    this.past = this.advance(OPENS_AT + HISTORY_DAYS * DAY + 10 * 3_600_000).slice(-60);
  }

  /** Writes down the life of one customer, to be lived later. */
  #move_in(draw, n, id = `c-${String(n + 1).padStart(5, "0")}`) {
    const exp = (mean) => -mean * Math.log(1 - draw());
    const kind = draw();
    const [gap, leaves] = kind < 0.12 ? [8 + draw() * 14, 0.06] : kind < 0.27 ? [25 + draw() * 30, 0.2] : [60 + draw() * 40, 0.95];
    const customer = {
      id, n, partition: n % 4, currency: draw() < 0.86 ? "EUR" : "CHF", orders: [], tickets: [], ratings: [], refunds: [],
      consents: [], level: null, since: null, episode: null, episodes: 0, announced: 0,
    };
    const mean = 2600 + exp(7400);
    let at = OPENS_AT + draw() ** 1.4 * (HISTORY_DAYS + (n % 5 === 0 ? 900 : 0)) * DAY + draw() * 0.6 * DAY;
    if (HOSTILE_IDS.includes(id)) at = OPENS_AT + (HISTORY_DAYS - 60) * DAY;
    for (const channel of ["email", "phone", "sms", "post"]) {
      const chance = { email: 0.72, phone: 0.3, sms: 0.2, post: 0.1 }[channel];
      if (draw() < chance) this.pending.push({ at: at + 60_000, customer, consent: { channel, granted: true } });
    }
    for (let count = 1; at < this.until; count += 1) {
      const cents = Math.max(490, Math.round(mean * (0.5 + draw())));
      this.pending.push({ at, customer, order: { id: `o-${n + 1}-${count}`, at, cents, currency: customer.currency } });
      let trouble = 0;
      if (draw() < 0.13) trouble = this.#ask_for_help(draw, exp, customer, at + 0.5 * DAY + exp(2) * DAY, count);
      if (draw() < 0.06) this.pending.push({ at: at + (3 + exp(4)) * DAY, customer, refund: { cents: Math.round(cents * 0.4) } });
      const away = draw() < leaves + trouble;
      at += (away ? 70 + exp(160) : Math.max(0.4, exp(gap * 0.7) + gap * 0.3)) * DAY;
      if (away && draw() < 0.75) break;
    }
    this.customers.push(customer);
    this.byId.set(id, customer);
  }

  #ask_for_help(draw, exp, customer, at, count) {
    const ticket = { id: `t-${customer.n + 1}-${count}`, steps: [] };
    const step = (when, what) => this.pending.push({ at: when, customer, ticket, what });
    step(at, "opened");
    if (draw() < 0.55) {
      step(at + (0.05 + draw() * 0.8) * DAY, "resolved");
      return 0;
    }
    let when = at;
    for (let n = 0; n < 1 + Math.floor(draw() * 3); n += 1) step((when += (0.7 + exp(2)) * DAY), "contacted");
    step((when += (0.5 + exp(6)) * DAY), "resolved");
    if (draw() < 0.5) this.pending.push({ at: when + 0.2 * DAY, customer, rating: { scale: "ces", score: 1 + Math.floor(draw() * 3), low: true } });
    return 0.3;
  }

  /** Lets time pass, and says what happened. */
  advance(to) {
    const signals = [];
    while (this.next < this.pending.length && this.pending[this.next].at <= to) {
      const event = this.pending[this.next];
      this.#look_until(event.at, signals);
      this.now = event.at;
      this.next += 1;
      this.#apply(event, signals);
    }
    this.#look_until(to, signals);
    this.now = Math.max(this.now, to);
    return signals;
  }

  #look_until(to, signals) {
    for (; this.nextLook <= to; this.nextLook += STEP) {
      for (const customer of this.customers) if (customer.orders.length > 0) this.#look(customer, this.nextLook, signals);
    }
  }

  #apply({ at, customer, order, ticket, what, rating, refund, consent }, signals) {
    if (consent) customer.consents.push({ ...consent, at });
    if (rating) customer.ratings.push({ ...rating, at });
    if (refund) customer.refunds.push({ ...refund, at, currency: customer.currency });
    if (ticket) {
      if (ticket.steps.length === 0) customer.tickets.push(ticket);
      ticket.steps.push({ at, what });
    }
    if (order) {
      const before = customer.orders.at(-1);
      customer.orders.push(order);
      if (before) signals.push(returned(customer, order, before));
    }
    if (customer.orders.length > 0) this.#look(customer, at, signals);
  }

  /** One look at a customer's level, and the signal if it changed. */
  #look(customer, at, signals) {
    const found = assess(customer, at);
    if (!found) return;
    const level = levelAfter(customer.level === "lapsed" ? "low" : customer.level, found, at);
    const previous = customer.level ?? "low";
    if (level === previous) {
      customer.level = level;
      return;
    }
    if (previous === "low") customer.episode = uuid(`${customer.id}/${(customer.episodes += 1)}`);
    customer.level = level;
    customer.since = at;
    customer.announced = found.cents;
    signals.push(slipping(customer, found, at, level, previous));
    if (level === "low") customer.episode = null;
  }
}

export const channelsOf = (customer) => customer.consents.filter((consent) => consent.granted).map((consent) => consent.channel);

export function actionOf(customer, found, level) {
  if (level === "low") return null;
  if (found.reasons.some((reason) => reason.code === "open_ticket")) return "resolve_ticket";
  return found.cents >= 5000 ? "call" : "win_back_offer";
}

export function risk(found) {
  return {
    risk: found.risk, return_probability: found.p, usual_return_probability: found.usual, horizon_days: HORIZON_DAYS,
    expected_next_purchase_at: found.expected === null ? null : rfc3339(found.expected),
    value_at_risk: money(found.cents, found.currency), reasons: found.reasons,
  };
}

function returned(customer, order, before) {
  const days = (order.at - before.at) / DAY;
  const count = customer.orders.length;
  const helped = customer.tickets.findLast((ticket) => {
    const end = ticket.steps.at(-1);
    return end.what === "resolved" && end.at > before.at && order.at - end.at <= 60 * DAY;
  });
  const lifetime = customer.orders.reduce((sum, one) => sum + one.cents, 0);
  return {
    event_id: uuid(order.id), type: "returning_customer", kind: days > HORIZON_DAYS ? "reactivated" : count === 2 ? "second_purchase" : "repeat",
    customer_id: customer.id, occurred_at: rfc3339(order.at), order_id: order.id, purchase_number: count,
    days_since_previous: days, ...money(order.cents, order.currency), lifetime_amount: money(lifetime, order.currency).amount,
    recovered_ticket_id: helped?.id ?? null, closed_episode_id: customer.episode, action: count === 2 ? "thank_you" : null,
  };
}

function slipping(customer, found, at, level, previous) {
  const kind = previous === "low" ? "raised" : level === "low" ? "cleared" : "changed";
  return {
    event_id: uuid(`${customer.episode}/${at}`), type: "churn_risk", kind, customer_id: customer.id, episode_id: customer.episode,
    occurred_at: rfc3339(at), level, previous_level: previous, ...risk(found), action: actionOf(customer, found, level),
    contact_channels: channelsOf(customer), arm: "act", model: "mbg_nbd/default",
  };
}
