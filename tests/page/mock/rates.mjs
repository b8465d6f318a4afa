// The rates of the made-up shop, by a plain recount.
import { DAY, HORIZON_DAYS, ticketAt, assess } from "./chance.mjs";
import { OPENS_AT, rfc3339 } from "./shop.mjs";

const A = HORIZON_DAYS * DAY;
const dayStart = (at) => Math.floor(at / DAY) * DAY;
const ratio = (numerator, denominator) => ({ numerator, denominator });
const within = (customer, from, to) => customer.orders.filter((order) => order.at >= from && order.at <= to);

function activeAt(customer, at, isBefore) {
  const last = customer.orders.findLast((order) => (isBefore ? order.at < at : order.at <= at));
  return last !== undefined && at <= last.at + A;
}

/** The four rates that the history has, of a window of `days` that ends at `at`. */
export function headline(shop, days, at) {
  const from = dayStart(at) - (days - 1) * DAY;
  const count = { start: 0, kept: 0, buyers: 0, twice: 0, came: 0, orders: 0, again: 0 };
  for (const customer of shop.customers) {
    if (customer.orders.length === 0) continue;
    if (activeAt(customer, from, true)) {
      count.start += 1;
      if (activeAt(customer, at, false)) count.kept += 1;
    }
    const orders = within(customer, from, at);
    if (orders.length === 0) continue;
    const isNew = orders[0] === customer.orders[0];
    count.buyers += 1;
    if (orders.length > 1) count.twice += 1;
    if (!isNew || orders.length > 1) count.came += 1;
    count.orders += orders.length;
    count.again += orders.length - (isNew ? 1 : 0);
  }
  return {
    retention: ratio(count.kept, count.start), repeat_purchase: ratio(count.twice, count.buyers),
    returning_customers: ratio(count.came, count.buyers), returning_orders: ratio(count.again, count.orders),
  };
}

function care(shop, days, at) {
  const from = dayStart(at) - (days - 1) * DAY;
  const painless = { numerator: 0, denominator: 0, unripe: 0, failed: { overdue: 0, contacted: 0, reopened: 0, low_rating: 0 } };
  const recovery = { painless: { numerator: 0, denominator: 0, expected: 0 }, painful: { numerator: 0, denominator: 0, expected: 0 } };
  for (const customer of shop.customers) {
    for (const ticket of customer.tickets) {
      const state = ticketAt(ticket, at);
      if (!state || state.resolved === null) continue;
      const ripe = state.resolved + 7 * DAY;
      if (ripe > at) painless.unripe += 1;
      else if (ripe >= from) {
        painless.denominator += 1;
        if (state.painless) painless.numerator += 1;
        if (state.resolved - state.opened > DAY) painless.failed.overdue += 1;
        if (state.contacts > 0) painless.failed.contacted += 1;
      }
      if (state.resolved + 60 * DAY > at) continue;
      const before = assess(customer, state.opened - 1);
      if (!before) continue;
      const kind = recovery[state.painless ? "painless" : "painful"];
      kind.denominator += 1;
      kind.expected += before.p * 0.8;
      if (customer.orders.some((order) => order.at > state.resolved && order.at <= state.resolved + 60 * DAY)) kind.numerator += 1;
    }
  }
  return { painless, recovery };
}

const monthOf = (at) => rfc3339(at).slice(0, 7);

function monthsBetween(first, last) {
  const months = [];
  for (let month = first; month <= last;) {
    months.push(month);
    const [year, number] = month.split("-").map(Number);
    month = number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, "0")}`;
  }
  return months;
}

export function cohorts(shop) {
  const months = monthsBetween(monthOf(OPENS_AT), monthOf(shop.now));
  return months.map((month, start) => {
    const members = shop.customers.filter((customer) => customer.orders.length > 0 && monthOf(customer.orders[0].at) === month);
    const ordered = months.slice(start).map((later) => members.filter((one) => one.orders.some((order) => monthOf(order.at) === later)).length);
    return { month, customers: members.length, ordered };
  }).filter((cohort) => cohort.customers > 0);
}

export function rates(shop) {
  const at = shop.now;
  const known = shop.customers.filter((customer) => customer.orders.length > 0);
  const windows = {};
  for (const days of [7, 30, 90]) {
    const { painless } = care(shop, days, at);
    windows[`${days}d`] = {
      ...headline(shop, days, at), returning_revenue: revenue(shop, days, at), average_order_value: orderValues(shop, days, at), painless_resolution: painless, silent_churn: ratio(21, 30),
    };
  }
  const at_level = (level) => known.filter((customer) => customer.level === level);
  const worth = (level) => Object.fromEntries([...Map.groupBy?.(at_level(level), (one) => one.currency) ?? grouped(at_level(level))]
    .map(([currency, of]) => [currency, (of.reduce((sum, one) => sum + one.announced, 0) / 100).toFixed(2)]));
  return {
    at: rfc3339(at), time_zone: "UTC", activity_horizon: "90d", windows,
    ever: {
      customers: known.length, repeat_purchase: ratio(known.filter((one) => one.orders.length > 1).length, known.length),
      returning_orders: ratio(known.reduce((sum, one) => sum + one.orders.length - 1, 0), known.reduce((sum, one) => sum + one.orders.length, 0)),
      pareto: {}, pareto_buckets: {},
    },
    now: {
      active: known.length - at_level("lapsed").length, lapsed: at_level("lapsed").length,
      risk: { low: at_level("low").length, medium: at_level("medium").length, high: at_level("high").length },
      value_at_risk: { medium: worth("medium"), high: worth("high") },
    },
    cohorts: cohorts(shop), service_recovery: care(shop, 90, at).recovery,
  };
}

function grouped(customers) {
  const groups = new Map();
  for (const one of customers) groups.set(one.currency, [...(groups.get(one.currency) ?? []), one]);
  return groups;
}

function orderValues(shop, days, at) {
  const from = dayStart(at) - (days - 1) * DAY;
  const found = {};
  for (const customer of shop.customers) {
    for (const order of within(customer, from, at)) {
      const classes = (found[order.currency] ??= { new: { numerator: 0, denominator: 0 }, returning: { numerator: 0, denominator: 0 } });
      const of = classes[order === customer.orders[0] ? "new" : "returning"];
      of.numerator += order.cents;
      of.denominator += 1;
    }
  }
  for (const of of Object.values(found).flatMap((classes) => Object.values(classes))) of.numerator = (of.numerator / 100).toFixed(2);
  return found;
}

function revenue(shop, days, at) {
  const from = dayStart(at) - (days - 1) * DAY;
  const sums = {};
  for (const customer of shop.customers) {
    for (const order of within(customer, from, at)) {
      const sum = (sums[order.currency] ??= { numerator: 0, denominator: 0 });
      sum.denominator += order.cents;
      if (order !== customer.orders[0]) sum.numerator += order.cents;
    }
  }
  return Object.fromEntries(Object.entries(sums).map(([currency, sum]) => [
    currency, { numerator: (sum.numerator / 100).toFixed(2), denominator: (sum.denominator / 100).toFixed(2) },
  ]));
}

/** The rates as they stood at the end of each business day; today is not in it. */
export function history(shop, days, memory) {
  const rows = [];
  for (let end = Math.max(OPENS_AT + 30 * DAY, dayStart(shop.now) - 460 * DAY) + DAY; end <= dayStart(shop.now); end += DAY) {
    const key = `${days}/${end}`;
    if (!memory.has(key)) memory.set(key, { day: rfc3339(end - 1).slice(0, 10), ...headline(shop, days, end - 1) });
    rows.push(memory.get(key));
  }
  return { window: `${days}d`, time_zone: "UTC", days: rows };
}
