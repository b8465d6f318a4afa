// One customer of the made-up shop: their row among those to call, and their story.
import { DAY, HORIZON_DAYS, assess, levelAfter, ticketAt } from "./chance.mjs";
import { actionOf, channelsOf, money, rfc3339, risk } from "./shop.mjs";

export function row(customer, now) {
  const found = assess(customer, now);
  const { risk: gone, return_probability, usual_return_probability, expected_next_purchase_at, reasons } = risk(found);
  return {
    customer_id: customer.id, partition: customer.partition, level: customer.level, episode_id: customer.episode,
    level_since: customer.since === null ? null : rfc3339(customer.since), value_at_risk: money(found.cents, found.currency), risk: gone,
    return_probability, usual_return_probability, expected_next_purchase_at, reasons, action: actionOf(customer, found, customer.level),
    contact_channels: channelsOf(customer), orders: found.orders, last_order_at: rfc3339(found.last.at),
  };
}

export function view(customer, now) {
  const found = assess(customer, now);
  const tickets = customer.tickets.map((ticket) => ticketAt(ticket, now)).filter((ticket) => ticket !== null);
  const ordered = customer.orders.reduce((sum, order) => sum + order.cents, 0);
  const refunded = customer.refunds.reduce((sum, refund) => sum + refund.cents, 0);
  const text = (cents) => (cents / 100).toFixed(2);
  return {
    customer_id: customer.id, partition: customer.partition, at: rfc3339(now), orders: customer.orders.length,
    first_order_at: rfc3339(customer.orders[0].at), last_order_at: rfc3339(found.last.at),
    active_until: rfc3339(found.last.at + HORIZON_DAYS * DAY), level: customer.level, episode_id: customer.episode,
    next_level_change_at: null, spending: [{ currency: customer.currency, ordered: text(ordered), refunded: text(refunded), net: text(ordered - refunded) }],
    tickets: tickets.map((ticket) => ({
      ticket_id: ticket.id, opened_at: rfc3339(ticket.opened), resolved_at: ticket.resolved === null ? null : rfc3339(ticket.resolved),
      contacts: ticket.contacts, reopenings: ticket.reopenings,
    })),
    contact_channels: channelsOf(customer), contacts_sent: 0, reviews_held: 0, chance_of_return: risk(found),
    history: past(customer), story: story(customer, now, found),
  };
}

function past(customer) {
  return {
    orders: customer.orders.map((order) => ({ order_id: order.id, occurred_at: rfc3339(order.at), ...money(order.cents, order.currency) })),
    orders_before: 0,
    refunds: customer.refunds.map((refund) => ({ occurred_at: rfc3339(refund.at), ...money(refund.cents, refund.currency) })),
    tickets: customer.tickets.map((ticket) => ({ ticket_id: ticket.id, steps: ticket.steps.map((step) => ({ occurred_at: rfc3339(step.at), what: step.what })) })),
    low_ratings: customer.ratings.map((rating) => ({ occurred_at: rfc3339(rating.at), scale: rating.scale, score: rating.score, ticket_id: null })),
    consents: customer.consents.map((consent) => ({ channel: consent.channel, granted: consent.granted, occurred_at: rfc3339(consent.at) })),
  };
}

function story(customer, now, found) {
  const first = customer.orders[0].at;
  const moments = new Set([now]);
  for (let n = 0; n <= 200; n += 1) moments.add(first + ((now - first) * n) / 200);
  for (const order of customer.orders) for (const off of [-1, 0]) moments.add(Math.max(first, order.at + off));
  for (const ticket of customer.tickets) for (const step of ticket.steps) for (const off of [-1, 0]) moments.add(Math.max(first, step.at + off));
  let level = "low";
  const curve = [];
  const changes = [];
  for (const at of [...moments].sort((a, b) => a - b).slice(-400)) {
    const one = assess(customer, at);
    const next = levelAfter(level === "lapsed" ? "low" : level, one, at);
    if (next !== level) changes.push({ at: rfc3339(at), level: next, previous_level: level });
    level = next;
    curve.push({ at: rfc3339(at), return_probability: one.p, usual_return_probability: one.usual, level });
  }
  const without = found.reasons.map(({ log_odds: _, return_probability_without, ...reason }) => ({ ...reason, return_probability: return_probability_without }));
  return { curve, changes, without };
}
