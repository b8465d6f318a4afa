// Whom to call first: a table on a desk, cards on a phone. The service ranks by value; other orders are made here, of
// what was asked for.

import { Attention, at, h, icon, write } from "./dom.js";
import { chance, count, many, money, shortDay } from "./format.js";
import { name, plain } from "./names.js";
import { LEVELS, capital, levelName, line, nextStep, nodes, reachable, text, why } from "./words.js";

const FIRST = matchMedia("(max-width: 48rem)").matches ? 5 : 10;
const STEP = 20;
/** The service ranks by the value it announced; so many are asked for at least, and ranked by their value now. */
const LEAST = 50;
/** What one answer of the service holds at most. */
const MOST = 500;

const RANK = { low: 0, medium: 1, high: 2, lapsed: 3 };
const silence = (row) => Date.parse(row.last_order_at ?? 0);
const ORDERS = {
  worth: (a, b) => b.value_at_risk.amount - a.value_at_risk.amount,
  gone: (a, b) => b.risk - a.risk,
  silent: (a, b) => silence(a) - silence(b),
  recent: (a, b) => Date.parse(b.level_since ?? 0) - Date.parse(a.level_since ?? 0),
  level: (a, b) => RANK[b.level] - RANK[a.level],
};

export class Calls {
  #answer = null;
  #limit = FIRST;
  #rows = new Map();
  #late = false;
  #hasChosen = false;

  /** `changed()`: something else is to be asked for. `open(id, button)` shows a story. */
  constructor({ changed, open }) {
    this.changed = changed;
    this.body = at("call-body");
    this.attention = new Attention(this.body);
    this.#listen(open);
    this.#waiting();
  }

  /** What to ask the service for. */
  get path() {
    const asked = new URLSearchParams({ level: at("filter-level").value, order: "value_at_risk", limit: String(this.#asked) });
    for (const [key, id] of [["channel", "filter-channel"], ["currency", "filter-currency"]]) if (at(id).value) asked.set(key, at(id).value);
    return `customers?${asked}`;
  }

  /** Another order than the service's own is made of as many as it gives. */
  get #asked() {
    return at("sort").value === "worth" ? Math.min(MOST, Math.max(LEAST, this.#limit)) : MOST;
  }

  #listen(open) {
    at("call-filters").addEventListener("submit", (event) => event.preventDefault());
    at("call-filters").addEventListener("change", (event) => {
      if (event.target.id === "filter-currency") this.#hasChosen = true;
      this.#limit = FIRST;
      this.body.setAttribute("aria-busy", "true");
      this.changed();
    });
    at("call-more").addEventListener("click", () => {
      this.#limit = Math.min(MOST, this.#limit + STEP);
      this.changed();
    });
    this.body.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      const row = event.target.closest("[data-row]")?.row;
      if (!row) return;
      if (button?.dataset.copy !== undefined) void this.#copy(line(row), `Copied: ${plain(row.customer_id)}`);
      else if (button?.dataset.open !== undefined) open(row.customer_id, button, row.action);
    });
    at("copy-list").addEventListener("click", () => void this.#copy(sheet(this.#shown()), `Copied ${many(this.#shown().length, "customer")}, ready for a spreadsheet`));
    setInterval(() => { if (this.#late && !this.attention.isHeld) this.#draw(); }, 1_000);
  }

  async #copy(words, said) {
    write(at("copied"), "");
    const isDone = await copy(words);
    write(at("copied"), isDone ? said : "The browser did not allow copying");
    at("copied").classList.add("shown");
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => at("copied").classList.remove("shown"), 2_500);
  }

  /** The currencies there are, the one of most orders first. Amounts of two can't be compared, so that one is shown. */
  offer(currencies) {
    const select = at("filter-currency");
    const wanted = [...currencies, ""];
    const isSame = wanted.length === select.options.length && wanted.every((one, n) => select.options[n].value === one);
    at("filter-currency-label").hidden = currencies.length < 2;
    if (isSame) return;
    const before = select.value;
    select.replaceChildren(...wanted.map((one) => h("option", { value: one }, one || "all, side by side")));
    const isOffered = this.#hasChosen && wanted.includes(before);
    select.value = isOffered ? before : currencies.length > 1 ? currencies[0] : "";
    if (select.value !== before) this.changed();
  }

  show(answer) {
    this.#answer = answer;
    if (this.attention.isHeld && this.#rows.size > 0 && this.body.getAttribute("aria-busy") !== "true") this.#late = true;
    else this.#draw();
  }

  fail(problem) {
    if (this.#answer !== null) return;
    this.body.replaceChildren(h("p", { class: "empty" }, `The list did not come: ${problem.message}. It is asked for again by itself.`));
  }

  #waiting() {
    this.body.replaceChildren(h("div", { class: "waiting rows", "aria-hidden": "true" }, Array.from({ length: 6 }, () => h("i"))));
  }

  #shown() {
    const rows = [...(this.#answer?.customers ?? [])];
    rows.sort(ORDERS[at("sort").value]);
    return rows.slice(0, this.#limit);
  }

  #draw() {
    this.#late = false;
    const rows = this.#shown();
    this.body.removeAttribute("aria-busy");
    this.#count(rows.length);
    at("copy-list").hidden = rows.length === 0;
    if (rows.length === 0) {
      this.#rows.clear();
      this.body.replaceChildren(h("p", { class: "empty" }, h("strong", null, "Nobody to call."), ` ${emptyWords()}`));
      return;
    }
    const focused = document.activeElement?.closest?.("[data-row]")?.row?.customer_id;
    const focusedKind = document.activeElement?.dataset?.copy === undefined ? "open" : "copy";
    const kept = new Map();
    const drawn = rows.map((row) => {
      const key = JSON.stringify(row);
      const old = this.#rows.get(row.customer_id);
      const element = old?.key === key ? old.element : drawRow(row);
      kept.set(row.customer_id, { key, element });
      return element;
    });
    this.#rows = kept;
    let table = this.body.querySelector("tbody");
    if (!table) {
      this.body.replaceChildren(frame());
      table = this.body.querySelector("tbody");
    }
    table.replaceChildren(...drawn);
    if (focused !== undefined) kept.get(focused)?.element.querySelector(`[data-${focusedKind}]`)?.focus({ preventScroll: true });
  }

  #count(shown) {
    const { total, customers } = this.#answer;
    const isAll = shown >= total;
    write(at("call-count"), total === 0 ? "" : isAll ? many(total, "customer") : `${count(shown)} of ${many(total, "customer")}`);
    const isMore = shown < Math.min(total, MOST) && (customers.length > shown || customers.length >= this.#limit) && shown < MOST;
    at("call-more").hidden = !isMore;
    write(at("call-more"), `Show ${count(Math.min(STEP, total - shown))} more`);
  }
}

function emptyWords() {
  if (at("filter-channel").value) return "Nobody fits these filters.";
  return at("filter-level").value === "lapsed" ? "Nobody has gone quiet." : "Everybody is about as likely to return as usual.";
}

function frame() {
  const head = ["Customer", "At stake", "Risk", "Why", "Next step"].map((title) => h("th", { scope: "col", role: "columnheader" }, title));
  return h("table", { class: "calls", role: "table" },
    h("caption", { class: "unseen" }, "Customers at risk, those with the most at stake first"),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head, h("th", { scope: "col", role: "columnheader" }, h("span", { class: "unseen" }, "Copy")))),
    h("tbody", { role: "rowgroup" }));
}

/** The level as a word with a mark that does not need colour. */
export function chip(level) {
  const bars = LEVELS[level]?.bars ?? 0;
  return h("span", { class: `chip ${level}` }, h("span", { class: "bars", "aria-hidden": "true" }, [1, 2, 3].map((n) => h("i", { class: n <= bars ? "on" : "" }))), levelName(level));
}

function drawRow(row) {
  const because = why(row.reasons, 2);
  const last = row.last_order_at ? `, last ${shortDay(row.last_order_at)}` : "";
  const cell = (label, kind, ...content) => h("td", { role: "cell", class: kind, "data-label": label }, content);
  const element = h("tr", { role: "row", "data-row": "" },
    h("th", { scope: "row", role: "rowheader", class: "who" },
      h("button", { type: "button", class: "id-button", "data-open": "", "aria-haspopup": "dialog", title: plain(row.customer_id) }, name(row.customer_id)),
      h("span", { class: "soft" }, `${many(row.orders, "order")}${last}`)),
    cell("At stake", "worth", h("strong", null, money(row.value_at_risk.amount, row.value_at_risk.currency))),
    cell("Risk", "level", chip(row.level), h("span", { class: "soft" }, `${chance(row.return_probability)} instead of ${chance(row.usual_return_probability)}`)),
    cell("Why", "why", because.length > 0 ? nodes([...capital(because), "."]) : "As usual."),
    cell("Next step", "step", h("span", null, nodes(nextStep(row.action, row.contact_channels, row.reasons))), h("span", { class: "soft" }, reachable(row.contact_channels, row.action))),
    cell("", "copy", h("button", { type: "button", class: "quiet icon-only", "data-copy": "", "aria-label": `Copy ${plain(row.customer_id)}`, title: "Copy this line" }, icon("copy"))));
  element.row = row;
  return element;
}

/** A cell of a spreadsheet that no spreadsheet takes for a formula. */
const safe = (text_) => {
  const flat = text_.replace(/[\t\r\n]+/g, " ");
  return /^[=+\-@]/.test(flat) ? `'${flat}` : flat;
};

function sheet(rows) {
  const head = ["customer", "at stake", "currency", "risk", "chance of return", "usual chance", "why", "next step", "agreed to"];
  const lines = rows.map((row) => [
    plain(row.customer_id), row.value_at_risk.amount, row.value_at_risk.currency, row.level, row.return_probability.toFixed(3),
    row.usual_return_probability.toFixed(3), text(why(row.reasons)), text(nextStep(row.action, row.contact_channels, row.reasons)), row.contact_channels.join(" "),
  ].map((cell) => safe(String(cell))).join("\t"));
  return [head.join("\t"), ...lines].join("\n");
}

/** Puts text on the clipboard; where the browser has none for this address, by the old way. */
export async function copy(words) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(words);
      return true;
    }
  } catch {
    // Not allowed: the old way may be.
  }
  const dialog = document.querySelector("dialog[open]");
  const field = h("textarea", { class: "unseen", readonly: true, "aria-hidden": "true", tabindex: "-1" });
  field.value = words;
  const before = document.activeElement;
  (dialog ?? document.body).append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  before?.focus?.({ preventScroll: true });
  return isDone;
}
