// What a signal says, in the words of a shop. A sentence is a list of texts and of ids, `{ id }`, so that ids stay
// isolated on the page and plain where text is copied.

import { chance, count, days, daysAlone, money } from "./format.js";
import { name, plain } from "./names.js";

/** A sentence as nodes. */
export const nodes = (sentence) => sentence.flat().map((part) => (part?.id === undefined ? part : name(part.id)));

/** A sentence as plain text. */
export const text = (sentence) => sentence.flat().map((part) => (part?.id === undefined ? part : plain(part.id))).join("");

export const LEVELS = {
  low: { name: "As usual", short: "as usual", bars: 0 },
  medium: { name: "Medium risk", short: "medium", bars: 2 },
  high: { name: "High risk", short: "high", bars: 3 },
  lapsed: { name: "Gone quiet", short: "gone quiet", bars: 0 },
};

export const levelName = (level) => LEVELS[level]?.name ?? String(level);

const CHANNELS = { email: "email", sms: "text message", phone: "phone", post: "post" };
export const channelName = (channel) => CHANNELS[channel] ?? String(channel);

/** `a, b or c`. */
export function either(names, last = "or") {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}`;
}

const REASONS = {
  silence: (of) => {
    const usual = of.usual_days_between;
    const isTold = usual !== null && usual !== undefined;
    return [`silent for ${days(of.days_silent)}`, isTold ? ` where ${daysAlone(usual)} ${usual >= 2.95 || Math.round(usual * 10) / 10 !== 1 ? "are" : "is"} usual` : " after the only order"];
  },
  open_ticket: (of) => ["ticket ", { id: of.ticket_id }, ` open for ${days(of.days_open)}`],
  overdue_ticket: (of) => ["ticket ", { id: of.ticket_id }, ` overdue, open for ${days(of.days_open)}`],
  repeated_contact: (of) => [of.contacts === 1 ? "had to ask again" : `had to ask again ${count(of.contacts)} times`],
  low_rating: (of) => [`rated us ${count(of.score)}${{ csat: " of 5", ces: " of 7 for ease", nps: " of 10" }[of.scale] ?? ""}`],
  painless_resolution: (of) => ["ticket ", { id: of.ticket_id }, " was solved without trouble"],
  refund: () => ["had a refund"],
};

/** One reason. */
export const reason = (of) => REASONS[of.code]?.(of) ?? [String(of.code).replaceAll("_", " ")];

/** The reasons that lower the chance, the strongest first; a ticket that is open and overdue is told once. */
export function reasonsOf(reasons) {
  const against = reasons.filter((one) => (one.log_odds ?? -1) < 0);
  const overdue = new Set(against.filter((one) => one.code === "overdue_ticket").map((one) => one.ticket_id));
  return against.filter((one) => one.code !== "open_ticket" || !overdue.has(one.ticket_id));
}

/** The strongest reasons as one sentence. */
export function why(reasons, most = 3) {
  const all = reasonsOf(reasons);
  const told = all.slice(0, most).flatMap((one, n) => (n === 0 ? reason(one) : [", ", ...reason(one)]));
  return all.length > most ? [...told, " and more"] : told;
}

/** `Without the open ticket`: what would have to be otherwise. */
const WITHOUT = {
  silence: () => ["Without the silence"],
  open_ticket: (of) => ["Without the open ticket ", { id: of.ticket_id }],
  overdue_ticket: (of) => ["If ticket ", { id: of.ticket_id }, " were still in time"],
  repeated_contact: () => ["Without having to ask again"],
  low_rating: () => ["Without the bad rating"],
  painless_resolution: (of) => ["Without the good solution of ticket ", { id: of.ticket_id }],
  refund: () => ["Without the refund"],
};

export const without = (of) => WITHOUT[of.code]?.(of) ?? ["Without: ", ...reason(of)];

const oddsOf = (share) => Math.log(share / (1 - share));

/** The chance without each reason, `{ …, return_probability }`, given the chance as it is. Without an open ticket there is no
 * overdue one either: what the two take away adds up in log-odds. */
export function otherwise(list, chance) {
  return list.map((one) => {
    const late = list.find((other) => one.code === "open_ticket" && other.code === "overdue_ticket" && other.ticket_id === one.ticket_id);
    if (!late) return one;
    const odds = oddsOf(one.return_probability) + oddsOf(late.return_probability) - oddsOf(chance);
    return Number.isFinite(odds) ? { ...one, return_probability: 1 / (1 + Math.exp(-odds)) } : one;
  });
}

/** What to do first, given what the customer allows. */
export function nextStep(action, channels, reasons) {
  const open = reasons.find((one) => one.code === "open_ticket" || one.code === "overdue_ticket");
  if (action === "resolve_ticket") return open ? ["Solve ticket ", { id: open.ticket_id }] : ["Solve the open ticket"];
  if (action === "call") return [channels.length === 0 ? "Talk to them in person" : channels.includes("phone") ? "Call them" : "Write to them in person"];
  if (action === "win_back_offer") return [channels.length === 0 ? "Have an offer ready" : "Send an offer"];
  if (action === "thank_you") return ["Say thank you"];
  return action === null || action === undefined ? ["Nothing special"] : [String(action).replaceAll("_", " ")];
}

/** By what they may be contacted for this step; that a problem is solved is no contact they have to agree to. */
export function reachable(channels, action) {
  if (action === "resolve_ticket" || !action) {
    const none = action ? "they agreed to no other contact" : "they agreed to no contact";
    return channels.length === 0 ? none : `they agreed to ${either(channels.map(channelName), "and")}`;
  }
  if (channels.length === 0) return "when they get in touch: they agreed to no contact";
  const others = action === "call" ? channels.filter((channel) => channel !== "phone") : channels;
  if (others.length === 0) return "they agreed to be called";
  return `${others.length < channels.length ? "or " : ""}by ${either(others.map(channelName))}`;
}

/** What a signal asks for, as a sentence; empty where it asks for nothing. One of a return tells no channels. */
function asks({ action, contact_channels: channels = [], reasons = [] }) {
  if (action === null || action === undefined) return [];
  const step = nextStep(action, channels, reasons);
  return action === "resolve_ticket" || channels.length === 0 ? step : [...step, `, ${reachable(channels, action)}`];
}

/** What they agreed to. */
export const agreed = (channels) => (channels.length > 0 ? `agreed to ${either(channels.map(channelName), "and")}` : "agreed to none");

const ordinal = (number) => {
  const tail = new Intl.PluralRules("en", { type: "ordinal" }).select(number);
  return `${count(number)}${{ one: "st", two: "nd", few: "rd", other: "th" }[tail]}`;
};

function returned(signal) {
  const away = signal.days_since_previous === null ? "" : ` after ${days(signal.days_since_previous)}`;
  const order = `${ordinal(signal.purchase_number)} order${away}, ${money(signal.amount, signal.currency)}`;
  const solved = signal.recovered_ticket_id ? [". Ticket ", { id: signal.recovered_ticket_id }, " had been solved"] : [];
  const story = {
    reactivated: { icon: "won", title: "is back after a long silence", weight: 5 },
    second_purchase: { icon: "second", title: "came back for the first time", weight: 4 },
  }[signal.kind] ?? { icon: "back", title: "came back", weight: 1 };
  const healed = signal.recovered_ticket_id ? { icon: "healed", title: "came back after we solved their problem", weight: 6 } : story;
  return { ...healed, side: "back", tone: "good", detail: [order, ...solved, "."] };
}

function slipped(signal) {
  const { level, previous_level: before } = signal;
  const rank = ["low", "medium", "high", "lapsed"];
  const because = why(signal.reasons);
  const worth = Number(signal.value_at_risk?.amount) > 0 ? ` Worth ${money(signal.value_at_risk.amount, signal.value_at_risk.currency)}.` : "";
  const tail = because.length > 0 ? [capital(because), ".", worth] : [worth.trim()];
  if (level === "lapsed") return { icon: "quiet", title: "has gone quiet", side: "away", tone: "gone", weight: 3, detail: tail };
  if (rank.indexOf(level) < rank.indexOf(before)) {
    const to = level === "low" ? "is as usual again" : "is a little calmer";
    return { icon: "calm", title: to, side: "away", tone: "calm", weight: 0, detail: [`The chance of return is ${chance(signal.return_probability)} now.`] };
  }
  const title = level === "high" ? "is almost gone" : "is slipping away";
  return { icon: "slip", title, side: "away", tone: level, weight: level === "high" ? 5 : 3, detail: tail };
}

/** A sentence that begins with a capital letter. */
export function capital(sentence) {
  const [first, ...rest] = sentence;
  return typeof first === "string" ? [first.charAt(0).toUpperCase() + first.slice(1), ...rest] : sentence;
}

/** A signal as a story: what it is called, how it is drawn, how much it matters, what to do next. */
export const story = (signal) => ({ ...(signal.type === "returning_customer" ? returned(signal) : slipped(signal)), step: asks(signal) });

/** One customer to call, as a line to paste somewhere. */
export function line(row) {
  const worth = money(row.value_at_risk.amount, row.value_at_risk.currency);
  const because = text(why(row.reasons));
  const step = text(nextStep(row.action, row.contact_channels, row.reasons));
  return `${plain(row.customer_id)}: ${levelName(row.level).toLowerCase()}, ${worth} at stake, chance of return ${chance(row.return_probability)}. ${because ? `Why: ${because}. ` : ""}Next: ${step}, ${reachable(row.contact_channels, row.action)}.`;
}
