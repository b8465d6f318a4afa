// The parts that need no browser: the stream's format, what can't be seen in an id, sums of money, words.
import assert from "node:assert/strict";
import { test } from "node:test";

Object.defineProperty(globalThis, "navigator", { value: { languages: ["en-GB"] }, configurable: true });
const { Events } = await import("../../src/http/page/js/sse.js");
const { pieces, plain } = await import("../../src/http/page/js/names.js");
const { days, daysAlone, money, sum } = await import("../../src/http/page/js/format.js");
const { either, line, nextStep, otherwise, reachable, reasonsOf, story, text, why } = await import("../../src/http/page/js/words.js");
const { HOSTILE_IDS } = await import("./mock/shop.mjs");
const { Shop } = await import("./mock/shop.mjs");

const read = (chunks) => {
  const events = new Events();
  return { all: chunks.flatMap((chunk) => events.read(chunk)), events };
};

test("events are read as the standard says, wherever the stream is cut", () => {
  const stream = ": hello\nid: 7\nevent: churn_risk\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\nevent: nothing\n\nid: 8\rdata: last\r\r";
  const whole = read([stream]);
  const expected = [{ name: "churn_risk", data: "{\"a\":\n1}" }, { name: "message", data: "x" }, { name: "message", data: "last" }];
  assert.deepEqual(whole.all, expected);
  assert.equal(whole.events.lastId, "8");
  for (let cut = 1; cut < stream.length; cut += 1) assert.deepEqual(read([stream.slice(0, cut), stream.slice(cut)]).all, expected, `cut at ${cut}`);
  assert.deepEqual(read([...stream]).all, expected, "letter by letter");
});

test("an event that does not end is refused, not kept without bound", () => {
  const events = new Events();
  assert.throws(() => { for (let n = 0; n < 10; n += 1) events.read("data: x".padEnd(1_000_000, "x")); }, RangeError);
  const lines = new Events();
  assert.throws(() => { for (let n = 0; n < 10; n += 1) lines.read(`data: ${"x".repeat(1_000_000)}\n`); }, RangeError);
});

test("what can't be seen in an id is made visible, and nothing is lost", () => {
  const told = (id) => pieces(id).map((piece) => piece.seen ?? `<${piece.unseen}>`).join("");
  assert.equal(told("c-42"), "c-42");
  assert.equal(told("\u202eevil\u202c.exe"), "<U+202E>evil<U+202C>.exe");
  assert.equal(told("a\nb\tc\u0000\u0007\u007f"), "a<\u240a>b<\u2409>c<\u2400><\u2407><\u2421>");
  assert.equal(told(" a  b "), "<\u2423>a<\u2423\u2423>b<\u2423>");
  assert.equal(told("\u{1f468}\u200d\u{1f469}"), "\u{1f468}\u200d\u{1f469}", "what joins two pictures is no trick");
  assert.equal(told("a\u200db"), "a<U+200D>b");
  assert.equal(told("\u{e0041}"), "<U+E0041>");
  assert.equal(plain("\u202ea"), "[U+202E]a");
  for (const id of HOSTILE_IDS) assert.doesNotMatch(plain(id).replaceAll("\u200d", ""), /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u, JSON.stringify(id));
});

test("money is added and written without a float", () => {
  assert.equal(sum([]), "0");
  assert.equal(sum(["0.10", "0.20"]), "0.30");
  assert.equal(sum(["90071992547409.93", "0.07"]), "90071992547410.00");
  assert.equal(sum(["-1.50", "1"]), "-0.50");
  assert.equal(sum(["1500", "2"]), "1502");
  assert.equal(money("41.20", "EUR"), "\u20ac41.20");
  assert.equal(money("90071992547409931.07", "EUR"), "\u20ac90,071,992,547,409,931.07");
  assert.equal(money("1.5", "not a currency"), "1.5 not a currency");
});

test("lengths of time as people say them", () => {
  assert.deepEqual([0.001, 0.25, 0.99, 1, 1.5, 2.94, 2.96, 12.4, 50].map(days), ["1 minute", "6 hours", "1 day", "1 day", "1.5 days", "2.9 days", "3 days", "12 days", "50 days"]);
  assert.deepEqual([0.25, 12.4].map(daysAlone), ["6 hours", "12"]);
  assert.deepEqual([["a"], ["a", "b"], ["a", "b", "c"]].map((names) => either(names)), ["a", "a or b", "a, b or c"]);
});

const REASONS = [
  { code: "silence", log_odds: -1.6, days_silent: 50, usual_days_between: 12.4, return_probability_without: 0.45 },
  { code: "open_ticket", log_odds: -0.7, ticket_id: "t-9", days_open: 6, return_probability_without: 0.25 },
  { code: "overdue_ticket", log_odds: -0.5, ticket_id: "t-9", days_open: 6, return_probability_without: 0.2 },
  { code: "painless_resolution", log_odds: 0.3, ticket_id: "t-1", return_probability_without: 0.1 },
  { code: "low_rating", log_odds: -0.2, scale: "csat", score: 1, return_probability_without: 0.16 },
  { code: "repeated_contact", log_odds: -0.1, contacts: 3, return_probability_without: 0.15 },
  { code: "a_new_code", log_odds: -0.05, return_probability_without: 0.15 },
];

test("reasons are told in words, a ticket once, what speaks for a return not at all", () => {
  assert.deepEqual(reasonsOf(REASONS).map((one) => one.code), ["silence", "overdue_ticket", "low_rating", "repeated_contact", "a_new_code"]);
  assert.equal(text(why(REASONS, 9)), "silent for 50 days where 12 are usual, ticket t-9 overdue, open for 6 days, rated us 1 of 5, had to ask again 3 times, a new code");
  assert.equal(text(why(REASONS, 2)), "silent for 50 days where 12 are usual, ticket t-9 overdue, open for 6 days and more");
  assert.equal(text(why([{ ...REASONS[0], usual_days_between: null }])), "silent for 50 days after the only order");
});

test("without an open ticket it is not overdue either", () => {
  const sigmoid = (odds) => 1 / (1 + Math.exp(-odds));
  // 50 % but for a ticket that is open (-0.7) and overdue (-0.5), and another that is open (-0.3).
  const one = (code, ticket_id, without) => ({ code, ticket_id, return_probability: sigmoid(-1.5 - without) });
  const list = [one("open_ticket", "t-9", -0.7), one("overdue_ticket", "t-9", -0.5), one("open_ticket", "t-8", -0.3)];
  const found = otherwise(list, sigmoid(-1.5)).map((of) => of.return_probability);
  [sigmoid(-0.3), sigmoid(-1), sigmoid(-1.2)].forEach((share, n) => assert.ok(Math.abs(found[n] - share) < 1e-9, `${n}: ${found[n]}`));
  assert.deepEqual(otherwise([{ ...list[0], return_probability: 1 }, list[1]], 0.5)[0].return_probability, 1);
});

test("the next step keeps to what the customer agreed to", () => {
  const step = (action, channels) => text(nextStep(action, channels, REASONS));
  assert.equal(step("resolve_ticket", []), "Solve ticket t-9");
  assert.equal(step("call", ["email", "phone"]), "Call them");
  assert.equal(step("call", ["email"]), "Write to them in person");
  assert.equal(step("win_back_offer", ["email"]), "Send an offer");
  assert.equal(step("win_back_offer", []), "Have an offer ready");
  assert.equal(reachable(["email", "phone"], "call"), "or by email");
  assert.equal(reachable(["phone"], "call"), "they agreed to be called");
  assert.equal(reachable(["email", "sms"], "win_back_offer"), "by email or text message");
  assert.equal(reachable(["email", "sms"], "resolve_ticket"), "they agreed to email and text message");
  assert.equal(reachable([], "resolve_ticket"), "they agreed to no other contact");
  assert.equal(reachable([], null), "they agreed to no contact");
  const row = { customer_id: "c-1", level: "high", value_at_risk: { amount: "41.20", currency: "EUR" }, return_probability: 0.14, reasons: REASONS.slice(0, 1), action: "call", contact_channels: [] };
  assert.equal(line(row), "c-1: high risk, \u20ac41.20 at stake, chance of return 14%. Why: silent for 50 days where 12 are usual. Next: Talk to them in person, when they get in touch: they agreed to no contact.");
});

test("a signal tells what to do next, by what is agreed to, and nothing where nothing is to be done", () => {
  const slipped = { type: "churn_risk", kind: "raised", level: "high", previous_level: "low", reasons: REASONS, value_at_risk: { amount: "41.20", currency: "EUR" }, return_probability: 0.14 };
  const step = (signal) => text(story(signal).step);
  assert.equal(step({ ...slipped, action: "resolve_ticket", contact_channels: ["email"] }), "Solve ticket t-9");
  assert.equal(step({ ...slipped, action: "call", contact_channels: ["email", "phone"] }), "Call them, or by email");
  assert.equal(step({ ...slipped, action: "win_back_offer", contact_channels: ["email"] }), "Send an offer, by email");
  assert.equal(step({ ...slipped, action: "win_back_offer", contact_channels: [] }), "Have an offer ready");
  assert.equal(step({ ...slipped, kind: "cleared", level: "low", previous_level: "high", action: null, contact_channels: ["email"] }), "");
  const returned = { type: "returning_customer", kind: "second_purchase", purchase_number: 2, days_since_previous: 41.25, amount: "129.90", currency: "EUR" };
  assert.equal(step({ ...returned, action: "thank_you" }), "Say thank you");
  assert.equal(step({ ...returned, action: null }), "");
});

test("every signal of a shop's year has a story", () => {
  const shop = new Shop({ customers: 60 });
  const told = new Map();
  for (const signal of shop.advance(shop.now + 365 * 86_400_000)) {
    const of = story(signal);
    assert.ok(of.icon && of.title && ["back", "away"].includes(of.side), signal.type);
    assert.doesNotMatch(text(of.detail), /undefined|NaN|null/);
    told.set(of.title, (told.get(of.title) ?? 0) + 1);
  }
  for (const title of ["came back", "has gone quiet", "is slipping away", "is as usual again"]) assert.ok(told.get(title) > 0, title);
});
