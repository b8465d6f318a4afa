// The chance of return as the definitions say it, plainly and slowly: enough for a made-up shop of some hundred customers.

export const DAY = 86_400_000;
export const HORIZON_DAYS = 90;
const [R, ALPHA, A, B] = [0.525, 43.28, 0.891, 1.614];
const logit = (p) => Math.log(p / (1 - p));
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const clamp = (p) => Math.min(Math.max(p, 1e-12), 1 - 1e-12);

function alive(x, tx, T) {
  return 1 / (1 + (A / (B + x)) * Math.exp((R + x) * Math.log((ALPHA + T) / (ALPHA + tx))));
}

function orderWithin(x, tx, T, H) {
  return clamp(alive(x, tx, T) * (1 - Math.exp((R + x) * Math.log((ALPHA + T) / (ALPHA + T + H)))));
}

/** What the orders by `at` say: purchase days, first and last of them, the last order. */
export function recency(orders, at) {
  const known = orders.filter((order) => order.at <= at);
  if (known.length === 0) return null;
  const days = new Map();
  for (const order of known) {
    const day = Math.floor(order.at / DAY);
    if (!days.has(day)) days.set(day, order.at);
  }
  const first = known[0].at;
  const lastDay = Math.max(...days.values());
  return { known, x: days.size - 1, first, tx: (lastDay - first) / DAY, last: known.at(-1) };
}

/** A ticket as of an instant, or null before it was opened. */
export function ticketAt(ticket, at) {
  const steps = ticket.steps.filter((step) => step.at <= at);
  if (steps.length === 0) return null;
  const of = (what) => steps.filter((step) => step.what === what);
  const last = steps.findLast((step) => step.what !== "contacted");
  const resolved = last.what === "resolved" ? last.at : null;
  return {
    id: ticket.id, opened: steps[0].at, resolved, contacts: of("contacted").length, reopenings: of("reopened").length,
    painless: resolved !== null && resolved - steps[0].at <= DAY && of("contacted").length === 0 && of("reopened").length === 0,
  };
}

function factors(customer, at) {
  const since = at - 60 * DAY;
  const tickets = customer.tickets.map((ticket) => ticketAt(ticket, at)).filter((ticket) => ticket !== null);
  const found = [];
  const open = tickets.filter((ticket) => ticket.resolved === null).sort((a, b) => a.opened - b.opened)[0];
  if (open) {
    const evidence = { ticket_id: open.id, days_open: (at - open.opened) / DAY };
    found.push({ code: "open_ticket", log_odds: -0.7, ...evidence });
    if (evidence.days_open > 1) found.push({ code: "overdue_ticket", log_odds: -0.5, ...evidence });
  }
  const recent = tickets.filter((ticket) => ticket.opened > since);
  const contacts = recent.reduce((sum, ticket) => sum + ticket.contacts + ticket.reopenings, 0);
  if (contacts > 0) found.push({ code: "repeated_contact", log_odds: Math.max(-0.9, -0.3 * contacts), contacts });
  const low = customer.ratings.findLast((rating) => rating.at <= at && rating.at > since && rating.low);
  if (low) found.push({ code: "low_rating", log_odds: -0.6, scale: low.scale, score: low.score });
  const painless = tickets.find((ticket) => ticket.painless && ticket.resolved > since);
  if (painless) found.push({ code: "painless_resolution", log_odds: 0.3, ticket_id: painless.id });
  return found;
}

/** The chance of return of a customer at an instant, with reasons; null before their first order. */
export function assess(customer, at) {
  const seen = recency(customer.orders, at);
  if (!seen) return null;
  const age = (when) => (when - seen.first) / DAY;
  const usual = orderWithin(seen.x, seen.tx, seen.tx, HORIZON_DAYS);
  const silent = orderWithin(seen.x, seen.tx, age(at), HORIZON_DAYS);
  const silence = {
    code: "silence", log_odds: logit(silent) - logit(usual), days_silent: (at - seen.last.at) / DAY,
    usual_days_between: seen.x > 0 ? seen.tx / seen.x : null,
  };
  const parts = [silence, ...factors(customer, at)].filter((part) => Math.abs(part.log_odds) > 1e-9);
  const odds = logit(usual) + parts.reduce((sum, part) => sum + part.log_odds, 0);
  const p = sigmoid(odds);
  const reasons = parts
    .map((part) => ({ ...part, return_probability_without: sigmoid(odds - part.log_odds) }))
    .sort((a, b) => Math.abs(b.log_odds) - Math.abs(a.log_odds));
  const mean = seen.known.reduce((sum, order) => sum + order.cents, 0) / seen.known.length;
  const isAlive = alive(seen.x, seen.tx, age(at)) >= 0.5;
  const wait = (ALPHA + age(at)) * (2 ** (1 / (R + seen.x)) - 1);
  return {
    p, usual, risk: Math.min(Math.max(1 - p / usual, 0), 1), reasons, cents: Math.round(Math.max(0, usual - p) * mean),
    currency: seen.last.currency, expected: isAlive ? at + wait * DAY : null, last: seen.last, orders: seen.known.length,
  };
}

/** The level that follows `before` at a risk. */
export function levelAfter(before, assessment, at) {
  if (at > assessment.last.at + HORIZON_DAYS * DAY) return "lapsed";
  const of = (risk) => (risk >= 0.75 ? 2 : risk >= 0.5 ? 1 : 0);
  const names = ["low", "medium", "high"];
  const was = names.indexOf(before);
  const up = of(assessment.risk);
  if (was < 0 || up >= was) return names[up];
  return names[Math.min(was, of(assessment.risk + 0.05))];
}
