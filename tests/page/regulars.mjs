// A shop whose customers stay the same: after some hundred orders of each, what a service keeps of them grows no more.

const DAY_MS = 86_400_000;
/** The service remembers 256 orders of a customer one by one, and days for 460 days. */
export const SETTLED_ORDERS = 300;

const USUAL_DAYS = 1.2;
const PAUSE = { chance: 0.008, days: 70 };
const TROUBLE = 0.12;
/** Orders are this far apart on average, and this many events come of one. */
const GAP_DAYS = USUAL_DAYS + PAUSE.chance * PAUSE.days;
const EVENTS_AN_ORDER = 1 + 0.04 + TROUBLE * 3.9;

/** Chance by a seed: mulberry32. */
function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class Regulars {
  #chance;
  #made = 0;
  /** What is still to come, the earliest last. */
  #coming = [];

  /** `until`: the instant at which `events` of them will be over, about. */
  constructor({ customers, events, until, seed = 1 }) {
    this.#chance = dice(seed);
    const span = (events / customers / EVENTS_AN_ORDER) * GAP_DAYS * DAY_MS;
    for (let n = 0; n < customers; n += 1) {
      const id = `r-${String(n).padStart(4, "0")}`;
      const at = until - span + this.#chance() * 20 * DAY_MS;
      for (const channel of ["email", "phone", "sms", "post"].filter(() => this.#chance() < 0.5)) this.#plan("contacts", at, { type: "consent_changed", customer_id: id, channel, granted: true });
      this.#order(id, at);
    }
  }

  #plan(topic, at, event, then) {
    this.#made += 1;
    const one = { topic, at, event: { event_id: `h-${this.#made}`, ...event }, then };
    let [low, high] = [0, this.#coming.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#coming[middle].at > at) low = middle + 1;
      else high = middle;
    }
    this.#coming.splice(low, 0, one);
  }

  /** An order, and once it is there what comes of it. */
  #order(id, at) {
    const order_id = `o-${this.#made}`;
    const money = { amount: (8 + this.#chance() * 90).toFixed(2), currency: "EUR" };
    this.#plan("purchases", at, { type: "purchase", customer_id: id, order_id, ...money }, () => {
      if (this.#chance() < 0.04) this.#plan("purchases", at + DAY_MS / 2, { type: "refund", customer_id: id, order_id, ...money });
      if (this.#chance() < TROUBLE) this.#trouble(id, at);
      const pause = this.#chance() < PAUSE.chance ? PAUSE.days * 2 * this.#chance() : 0;
      this.#order(id, at + (0.2 + 2 * (USUAL_DAYS - 0.2) * this.#chance() + pause) * DAY_MS);
    });
  }

  #trouble(id, at) {
    const about = { customer_id: id, ticket_id: `t-${this.#made}` };
    const days = 0.5 + 4 * this.#chance();
    this.#plan("support", at + 0.3 * DAY_MS, { type: "ticket_opened", ...about, category: "delivery" });
    if (this.#chance() < 0.4) this.#plan("support", at + 0.6 * DAY_MS, { type: "customer_contacted", ...about });
    this.#plan("support", at + (0.3 + days) * DAY_MS, { type: "ticket_resolved", ...about });
    if (this.#chance() < 0.5) this.#plan("support", at + (0.5 + days) * DAY_MS, { type: "feedback", ...about, scale: "csat", score: 1 + Math.floor(5 * this.#chance()) });
    if (this.#chance() < 0.5) this.#plan("support", at + (0.8 + days) * DAY_MS, { type: "ticket_reopened", ...about });
    if (this.#chance() < 0.5) this.#plan("support", at + (1.8 + days) * DAY_MS, { type: "ticket_resolved", ...about });
  }

  /** The next that happens: `{ topic, key, value }`. There is always one. */
  next() {
    const { topic, at, event, then } = this.#coming.pop();
    then?.();
    return { topic, key: event.customer_id, value: JSON.stringify({ ...event, occurred_at: new Date(at).toISOString() }) };
  }
}
