// The headline: one sentence that answers whether customers are coming back, and three rates with their history.

import { at, h } from "./dom.js";
import { count, many, money, percent, points, sum } from "./format.js";
import { either } from "./words.js";
import { fourWeeksBefore, series, spark } from "./spark.js";

const FLOOR = 0.1987;
const GOAL = 0.27;
const TARGETS = [{ kind: "floor", name: "floor", share: FLOOR }, { kind: "goal", name: "goal", share: GOAL }];
/** Below this many cases a share jumps. */
const FEW = 50;

const share = ({ numerator, denominator }) => (denominator > 0 ? numerator / denominator : null);

/** Money per currency, added up over levels, as `12.30 € and 4.00 CHF`. */
export function worth(by_level, levels) {
  const all = new Map();
  for (const level of levels) for (const [currency, amount] of Object.entries(by_level[level] ?? {})) all.set(currency, [...(all.get(currency) ?? []), amount]);
  return either([...all].sort().map(([currency, amounts]) => money(sum(amounts), currency)), "and");
}

function judged(ever) {
  const rate = share(ever);
  if (rate === null) return ["No customers yet.", "waiting"];
  if (ever.denominator < FEW) return ["It is early: few customers so far.", "waiting"];
  if (rate >= GOAL) return ["Yes, your customers are coming back.", "good"];
  if (rate >= FLOOR) return ["Some come back, fewer than you should aim for.", "fair"];
  return ["Too few of your customers come back.", "poor"];
}

function against(rate) {
  if (rate >= GOAL) return `above the goal of ${percent(GOAL, 2)}`;
  if (rate >= FLOOR) return `between the floor of ${percent(FLOOR, 2)} and the goal of ${percent(GOAL, 2)}`;
  return `below the floor of ${percent(FLOOR, 2)}`;
}

function verdict(rates) {
  const { ever, now } = rates;
  const title = at("verdict");
  const [words, kind] = judged(ever.repeat_purchase);
  title.className = kind;
  title.textContent = words;
  const rate = share(ever.repeat_purchase);
  const text = at("verdict-text");
  text.className = "";
  if (rate === null) {
    text.textContent = "As soon as the first purchase arrives, this page fills by itself. Nothing needs to be reloaded.";
    return;
  }
  const risk = now.risk.medium + now.risk.high;
  const value = worth(now.value_at_risk, ["medium", "high"]);
  text.replaceChildren(
    h("b", null, percent(rate)), ` of all ${count(ever.customers)} customers so far bought again, ${against(rate)}. `,
    ...(risk > 0 ? [h("b", null, many(risk, "customer is", "customers are")), ` slipping away right now${value ? `, worth ${value}` : ""}; ${count(now.lapsed)} have gone quiet.`]
      : [`Nobody is slipping away right now; ${count(now.lapsed)} have gone quiet.`]),
  );
}

function change(points_) {
  const before = fourWeeksBefore(points_);
  if (!before) return null;
  const moved = points_.at(-1).share - before.share;
  const isFlat = Math.abs(moved) < 0.0005;
  const words = isFlat ? "as four weeks ago" : `${points(moved)} points ${moved > 0 ? "more" : "less"} than four weeks ago`;
  return h("p", { class: `change ${isFlat ? "flat" : moved > 0 ? "up" : "down"}` }, h("span", { "aria-hidden": "true" }, isFlat ? "→" : moved > 0 ? "↗" : "↘"), ` ${words}`);
}

function revenueOf(window) {
  const told = Object.entries(window.returning_revenue ?? {}).sort().map(([currency, of]) => `${money(of.numerator, currency)} of ${money(of.denominator, currency)}`);
  return told.length > 0 ? `${either(told, "and")} revenue` : null;
}

const TILES = {
  retention: {
    id: "tile-retention", rate: "retention", targets: [],
    words: (of) => [`${count(of.numerator)} of ${many(of.denominator, "customer")} stayed`],
    none: "Nobody was a customer when this time began.",
    more: (window) => {
      const lost = window.retention.denominator - window.retention.numerator;
      return window.retention.denominator > 0 ? `${count(lost)} went quiet in this time. New customers don't count here.` : null;
    },
  },
  repeat: {
    id: "tile-repeat", rate: "repeat_purchase", targets: TARGETS,
    words: (of) => [`${count(of.numerator)} of ${many(of.denominator, "buyer")} bought more than once`],
    none: "Nobody bought in this time.",
    more: (_, rates) => {
      const rate = share(rates.ever.repeat_purchase);
      return rate === null ? null : `Over their whole time as customers: ${percent(rate)}, ${against(rate)}.`;
    },
  },
  returning: {
    id: "tile-returning", rate: "returning_customers", targets: [],
    words: (of) => [`${count(of.numerator)} of ${many(of.denominator, "buyer")} had bought before`],
    none: "Nobody bought in this time.",
    more: (window) => {
      const orders = window.returning_orders;
      const parts = [orders.denominator > 0 ? `${count(orders.numerator)} of ${many(orders.denominator, "order")}` : null, revenueOf(window)].filter(Boolean);
      return parts.length > 0 ? `Theirs: ${either(parts, "and")}.` : null;
    },
  },
};

function tile(of, window, rates, history) {
  const ratio = window[of.rate];
  const value = share(ratio);
  const body = at(of.id).querySelector(".tile-body");
  body.classList.remove("waiting");
  if (value === null) {
    body.replaceChildren(h("p", { class: "figure none" }, "–"), h("p", { class: "soft" }, of.none));
    return;
  }
  const points_ = history ? series(history.days, of.rate) : null;
  const few = ratio.denominator < FEW ? h("span", { class: "few" }, "few, so it jumps") : null;
  const more = of.more(window, rates);
  body.replaceChildren(
    h("p", { class: "figure" }, h("data", { value: String(value) }, percent(value))),
    h("p", { class: "words" }, of.words(ratio), few ? " " : null, few),
    points_ ? change(points_) ?? "" : "",
    points_ ? spark(points_, Math.max(160, body.clientWidth), of.targets) : h("div", { class: "spark-place" }),
    more ? h("p", { class: "soft small" }, more) : "",
  );
}

/** Shows the rates of a window with their history, where it has come. */
export function show(rates, windowName, history) {
  verdict(rates);
  const window = rates.windows[windowName];
  if (!window) return;
  for (const of of Object.values(TILES)) tile(of, window, rates, history?.window === windowName ? history : null);
}

/** The windows that the service knows: the switch offers no other. */
export function offer(rates) {
  for (const input of document.querySelectorAll("input[name=window]")) {
    const isKnown = `${input.value}d` in rates.windows;
    input.closest("label").hidden = !isKnown;
  }
}
