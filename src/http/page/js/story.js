// One customer's story, beside the page: where they stand, what would be otherwise without each reason, their life as a
// picture and in words.

import { at, h, write } from "./dom.js";
import { chart } from "./chart.js";
import { chip, copy } from "./calls.js";
import { chance, count, day, many, money } from "./format.js";
import { happenings } from "./happenings.js";
import { name, plain } from "./names.js";
import { Resource } from "./resource.js";
import { agreed, capital, line, nextStep, nodes, otherwise, reachable, why, without } from "./words.js";

const FRESH_MS = 2_000;

export class Story {
  #id = null;
  #customer = null;
  #isWhole = false;
  #opener = null;

  constructor() {
    this.dialog = at("story");
    this.resource = new Resource({
      path: () => `customers/${encodeURIComponent(this.#id.toWellFormed?.() ?? this.#id)}`, everyMs: FRESH_MS,
      apply: (customer) => { this.#customer = customer; this.#draw(); }, fail: (problem) => this.#fail(problem),
    });
    this.resource.stop();
    at("story-close").addEventListener("click", () => this.dialog.close());
    at("story-copy").addEventListener("click", () => void this.#copy());
    at("story-body").addEventListener("click", (event) => {
      if (event.target.closest("[data-whole]") === null) return;
      this.#isWhole = true;
      this.#draw();
      at("story-body").focus();
    });
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.dialog.close(); });
    this.dialog.addEventListener("close", () => this.#closed());
    new ResizeObserver(() => { if (this.#customer && this.#widthDrawn !== this.#width()) this.#draw(); }).observe(at("story-body"));
  }

  #widthDrawn = 0;

  #width() {
    const body = at("story-body");
    const style = getComputedStyle(body);
    return Math.max(260, Math.floor(body.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight)));
  }

  open(id, opener) {
    this.#id = id;
    this.#customer = null;
    this.#isWhole = false;
    this.#opener = { element: opener, id };
    at("story-title").replaceChildren(name(id, { isWhole: true }));
    at("story-body").replaceChildren(h("div", { class: "waiting rows", "aria-hidden": "true" }, Array.from({ length: 7 }, () => h("i"))));
    at("story-body").scrollTop = 0;
    if (!this.dialog.open) this.dialog.showModal();
    at("story-title").focus({ preventScroll: true });
    if (id === "." || id === "..") this.#fail({ status: 0, message: "a browser can't ask for this id by its address" });
    else this.resource.start();
  }

  /** Something happened to this customer, or time has passed. */
  note(id) {
    if (!this.dialog.open || (id !== undefined && id !== this.#id)) return;
    this.resource.want();
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  #closed() {
    this.resource.stop();
    at("story-body").replaceChildren();
    at("story-title").replaceChildren();
    this.#customer = null;
    const { element } = this.#opener ?? {};
    if (element?.isConnected) element.focus({ preventScroll: true });
    else at("main").focus({ preventScroll: true });
    this.#opener = null;
    this.#id = null;
  }

  #fail(problem) {
    if (this.#customer !== null && problem.status !== 404) return;
    this.#customer = null;
    const words = problem.status === 404 ? "This instance knows no such customer any more; another one may." : `The story did not come: ${problem.message}.`;
    at("story-body").replaceChildren(h("p", { class: "empty" }, words));
  }

  async #copy() {
    const customer = this.#customer;
    if (!customer) return;
    const of = customer.chance_of_return;
    const words = of ? line({ ...of, customer_id: customer.customer_id, level: customer.level, action: customer.action, contact_channels: customer.contact_channels }) : plain(customer.customer_id);
    write(at("story-said"), "");
    const isDone = await copy(words);
    write(at("story-said"), isDone ? "Copied" : "The browser did not allow copying");
    at("story-said").classList.add("shown");
    setTimeout(() => at("story-said").classList.remove("shown"), 2_500);
  }

  #draw() {
    const customer = this.#customer;
    const body = at("story-body");
    const selection = document.getSelection();
    if (!selection.isCollapsed && body.contains(selection.anchorNode)) return;
    const isOnMore = document.activeElement?.dataset?.whole !== undefined;
    const focused = body.contains(document.activeElement) ? document.activeElement.className : null;
    const held = body.querySelector(".life-figure:hover, .life-figure:focus-visible");
    this.#widthDrawn = this.#width();
    const picture = customer.story?.curve?.length > 0 ? held ?? chart(customer.story, customer.history, this.#widthDrawn) : null;
    body.replaceChildren(...[
      standing(customer), reasons(customer),
      picture ? h("section", null, h("h3", null, "Their chance of return over time"), picture, key()) : null,
      customer.history ? h("section", null, h("h3", null, "What happened"), happenings(customer, this.#isWhole)) : null,
    ].filter(Boolean));
    if (isOnMore) body.querySelector("[data-whole]")?.focus({ preventScroll: true });
    if (held && focused?.includes("life-figure")) held.focus({ preventScroll: true });
  }
}

function fact(title, value, more) {
  return h("div", { class: "fact" }, h("dt", null, title), h("dd", null, h("b", null, value), more ? h("span", { class: "soft" }, more) : null));
}

function standing(customer) {
  const of = customer.chance_of_return;
  if (!of) return h("p", { class: "empty" }, "They have never ordered, so there is no chance of return to tell.");
  const because = why(of.reasons, 5);
  const spending = customer.spending.map((one) => money(one.net, one.currency));
  const isCalm = customer.level === "low";
  return h("section", { class: "standing" },
    h("p", { class: "standing-line" }, chip(customer.level), h("span", null, nodes(isCalm ? ["About as likely to return as usual."] : because.length > 0 ? [...capital(because), "."] : [""]))),
    h("dl", { class: "facts" },
      fact("Chance of return", chance(of.return_probability), `usually ${chance(of.usual_return_probability)}, within ${many(of.horizon_days, "day")}`),
      fact("At stake", money(of.value_at_risk.amount, of.value_at_risk.currency), "a lower bound"),
      fact("Orders", count(customer.orders), customer.last_order_at ? `last on ${day(customer.last_order_at)}` : null),
      fact("Spent", spending.join(", ") || "–", customer.first_order_at ? `since ${day(customer.first_order_at)}` : null),
      fact("Next order", of.expected_next_purchase_at ? `around ${day(of.expected_next_purchase_at)}` : "none expected", of.expected_next_purchase_at ? "if they are still with you" : "more likely gone than not"),
      fact("May be contacted", customer.contact_channels.length > 0 ? "yes" : "no", agreed(customer.contact_channels))),
    isCalm || customer.action === null ? null : h("p", { class: "next-step" }, "Next step: ", h("b", null, nodes(nextStep(customer.action, customer.contact_channels, of.reasons))), `, ${reachable(customer.contact_channels, customer.action)}.`));
}

/** Today's chance, and what it would be without each reason. */
function reasons(customer) {
  const of = customer.chance_of_return;
  const list = customer.story?.without ?? of?.reasons.map((one) => ({ ...one, return_probability: one.return_probability_without })) ?? [];
  const told = of ? otherwise(list, of.return_probability).filter((one) => Math.abs(one.return_probability - of.return_probability) >= 0.005) : [];
  if (told.length === 0) return null;
  const bar = (share, kind) => {
    const track = h("div", { class: `would-bar ${kind}`, "aria-hidden": "true" }, h("i"));
    track.firstElementChild.style.setProperty("inline-size", `${(share * 100).toFixed(2)}%`);
    return track;
  };
  const item = (words, share, kind) => h("li", { class: kind }, h("span", { class: "would-words" }, words), bar(share, kind), h("b", { class: "would-share" }, chance(share)));
  return h("section", null, h("h3", null, "What it would be otherwise"),
    h("ul", { class: "would" }, item(["As it is"], of.return_probability, "is"),
      told.map((one) => item([nodes(without(one)), " it would be"], one.return_probability, one.return_probability > of.return_probability ? "better" : "worse")),
      item(["Usual for them"], of.usual_return_probability, "usual")));
}

function key() {
  const sign = (kind, words) => h("span", null, h("i", { class: `sign ${kind}`, "aria-hidden": "true" }), words);
  return h("p", { class: "key soft small" }, sign("curve", "chance of return"), sign("usual", "usual for them"), sign("order", "order"), sign("refund", "refund"),
    sign("solved", "problem, solved"), sign("open", "problem, still open"), sign("again", "asked again"), sign("rating", "bad rating"));
}
