// What happened to one customer, newest first, in words.

import { h } from "./dom.js";
import { count, dayAndTime, many, moment, money } from "./format.js";
import { channelName, levelName, nodes } from "./words.js";

const FIRST = 12;
/** No list grows without end. */
const MOST = 400;

const STEPS = { opened: " opened", contacted: ": asked again", resolved: " solved", reopened: " opened again" };
const SCALES = { csat: " of 5", ces: " of 7 for ease", nps: " of 10" };

function told(customer) {
  const { history } = customer;
  const before = history.orders_before ?? 0;
  const all = [
    ...history.orders.map((order, n) => ({ at: order.occurred_at, kind: "order", words: [`Order ${count(before + n + 1)}, `, { id: order.order_id }, `: ${money(order.amount, order.currency)}`] })),
    ...history.refunds.map((refund) => ({ at: refund.occurred_at, kind: "refund", words: [`Refund of ${money(refund.amount, refund.currency)}`] })),
    ...history.tickets.flatMap((ticket) => ticket.steps.map((step) => ({ at: step.occurred_at, kind: step.what === "resolved" ? "solved" : "problem", words: ["Ticket ", { id: ticket.ticket_id }, STEPS[step.what] ?? ` ${step.what}`] }))),
    ...history.low_ratings.map((rating) => ({ at: rating.occurred_at, kind: "problem", words: [`Rated us ${count(rating.score)}${SCALES[rating.scale] ?? ""}`] })),
    ...history.consents.map((consent) => ({ at: consent.occurred_at, kind: "consent", words: [`${consent.granted ? "Agreed to" : "No longer agrees to"} ${channelName(consent.channel)}`] })),
    ...(customer.story?.changes ?? []).map((change) => ({ at: change.at, kind: `level ${change.level}`, words: [`${levelName(change.level)} from here on`] })),
  ];
  return all.map((one) => ({ ...one, ms: moment(one.at) ?? 0 })).sort((a, b) => b.ms - a.ms).slice(0, MOST);
}

/** The list, with a button for what is further back. */
export function happenings(customer, isWhole) {
  const all = told(customer);
  const shown = isWhole ? all : all.slice(0, FIRST);
  const list = h("ol", { class: "happenings" }, shown.map((one) =>
    h("li", { class: one.kind }, h("i", { "aria-hidden": "true" }), h("span", null, nodes(one.words)), h("time", { class: "soft", datetime: one.at }, dayAndTime(one.at)))));
  const before = customer.history.orders_before ?? 0;
  return [
    list,
    all.length > shown.length ? h("p", { class: "more" }, h("button", { type: "button", "data-whole": "" }, `Show all ${count(all.length)}`)) : null,
    before > 0 && isWhole ? h("p", { class: "soft small" }, `${many(before, "older order")} counted, but no longer kept one by one.`) : null,
  ];
}
