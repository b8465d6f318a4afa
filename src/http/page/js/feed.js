// What happens, as it happens. When more comes than a person can read, the weightiest are shown and the others counted;
// while somebody reads, the list stands still.

import { Attention, at, h, icon, write } from "./dom.js";
import { count, many, shortTime } from "./format.js";
import { name, plain } from "./names.js";
import { nodes, story } from "./words.js";

const SHOWN = 40;
const HELD = 200;
const FLUSH_MS = 300;
/** So many a second a person can read, and so many at once after a quiet time; of more, the weightiest are shown. */
const A_SECOND = 4;
const AT_ONCE = 30;
const SAID_EVERY_MS = 15_000;
const MINUTE = 60;
/** What comes this soon after the line was opened had happened before: it is shown whole, and is not of this minute. */
const CATCHES_UP_MS = 1_200;

/** How many came back and slipped away in the last minute, second by second. */
class LastMinute {
  #seconds = Array.from({ length: MINUTE }, () => ({ second: -1, back: 0, away: 0 }));

  note(side) {
    const second = Math.floor(performance.now() / 1000);
    const slot = this.#seconds[second % MINUTE];
    if (slot.second !== second) Object.assign(slot, { second, back: 0, away: 0 });
    slot[side] += 1;
  }

  get sums() {
    const from = Math.floor(performance.now() / 1000) - MINUTE;
    const recent = this.#seconds.filter((slot) => slot.second > from);
    return { back: recent.reduce((sum, slot) => sum + slot.back, 0), away: recent.reduce((sum, slot) => sum + slot.away, 0) };
  }
}

export class Feed {
  #waiting = [];
  #missed = 0;
  #timer = null;
  #seen = new Set();
  #minute = new LastMinute();
  #kind = "all";
  #isPaused = false;
  #left = 0;
  #room = { for: AT_ONCE, at: performance.now() };
  #caughtUpAt = -Infinity;
  #said = { at: -Infinity, back: 0, away: 0 };

  /** `open(id, button)` shows a customer's story. */
  constructor(open) {
    this.list = at("now-list");
    this.attention = new Attention(this.list);
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-n]");
      const row = button?.closest("li");
      if (row) open(row.signal.customer_id, button);
    });
    at("pause").addEventListener("click", () => this.#pause(!this.#isPaused));
    at("now-kinds").addEventListener("change", (event) => {
      this.#kind = event.target.value;
      this.list.dataset.kind = this.#kind;
      this.#empty();
    });
    setInterval(() => this.#every(), 1_000);
  }

  /** The line is open: what was missed comes first. */
  opened() {
    this.#caughtUpAt = performance.now() + CATCHES_UP_MS;
  }

  get #isCatchingUp() {
    return performance.now() < this.#caughtUpAt;
  }

  /** A signal that has just been committed. */
  add(signal) {
    if (this.#seen.has(signal.event_id)) return;
    this.#remember(signal.event_id);
    const told = story(signal);
    const isPast = this.#isCatchingUp;
    if (told.weight > 0 && !isPast) {
      this.#minute.note(told.side);
      this.#said[told.side] += 1;
    }
    this.#waiting.push({ signal, told, isPast });
    if (this.#waiting.length > HELD) {
      this.#waiting.shift();
      this.#missed += 1;
    }
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  /** A line of the page's own: something was missed. */
  tell(text) {
    this.#put(h("li", { class: "feed-note" }, text));
  }

  #remember(id) {
    this.#seen.add(id);
    if (this.#seen.size > 2_000) this.#seen.delete(this.#seen.values().next().value);
  }

  #pause(isPaused) {
    this.#isPaused = isPaused;
    const button = at("pause");
    button.setAttribute("aria-pressed", String(isPaused));
    button.replaceChildren(icon(isPaused ? "play" : "pause"), h("span", null, isPaused ? "Go on" : "Pause"));
    if (!isPaused) this.#flush();
    else this.#tellHeld();
  }

  get #isHeld() {
    return this.#isPaused || this.attention.isHeld;
  }

  #tellHeld() {
    const note = at("now-held");
    const number = this.#waiting.length + this.#missed;
    note.hidden = !this.#isHeld || (number === 0 && !this.#isPaused);
    const cause = this.#isPaused ? "Paused" : "Standing still while you read";
    write(note, number > 0 ? `${cause}: ${count(number)} new` : cause);
  }

  #flush() {
    this.#timer = null;
    this.#tellHeld();
    if (this.#isHeld || document.hidden) return;
    const came = this.#waiting;
    this.#waiting = [];
    this.#left += this.#missed;
    this.#missed = 0;
    for (const one of this.#picked(came).slice(-SHOWN)) this.#put(row(one));
    this.#empty();
    this.#tellHeld();
  }

  /** All of it when a person can read it, else the weightiest of what is new. */
  #picked(came) {
    const fresh = came.filter((one) => !one.isPast);
    const now = performance.now();
    const room = Math.min(AT_ONCE, this.#room.for + ((now - this.#room.at) / 1000) * A_SECOND);
    const taken = Math.min(fresh.length, Math.floor(room));
    this.#room = { for: room - taken, at: now };
    if (taken === fresh.length) return came;
    const best = new Set([...fresh].sort((a, b) => b.told.weight - a.told.weight || value(b) - value(a)).slice(0, taken));
    this.#left += fresh.length - best.size;
    return came.filter((one) => one.isPast || best.has(one));
  }

  #put(item) {
    this.list.prepend(item);
    while (this.list.children.length > SHOWN) this.list.lastElementChild.remove();
  }

  #empty() {
    const selector = this.#kind === "all" ? "li" : `li[data-side="${this.#kind}"]`;
    at("now-empty").hidden = this.list.querySelector(selector) !== null;
  }

  /** Every second: what was held goes on, the last minute is counted anew. */
  #every() {
    if (this.#waiting.length > 0 && this.#timer === null) this.#flush();
    else this.#tellHeld();
    const { back, away } = this.#minute.sums;
    const words = back + away === 0 ? "" : `Last minute: ${count(back)} came back, ${count(away)} slipping`;
    const isPicked = this.#left > 0 && back + away > MINUTE * A_SECOND / 2;
    write(at("now-count"), words && isPicked ? `${words}. The weightiest are shown.` : words);
    this.#say();
  }

  /** What a screen reader is told: sums, four times a minute at most. */
  #say() {
    const said = this.#said;
    const isSoon = performance.now() - said.at < SAID_EVERY_MS;
    if (this.#isPaused || isSoon || said.back + said.away === 0) return;
    const parts = [said.back > 0 ? `${many(said.back, "customer")} came back` : null, said.away > 0 ? `${many(said.away, "customer is", "customers are")} slipping away` : null];
    write(at("now-said"), `${parts.filter(Boolean).join(", ")}.`);
    this.#said = { at: performance.now(), back: 0, away: 0 };
  }
}

const value = ({ signal }) => Number(signal.value_at_risk?.amount ?? signal.amount ?? 0);

function row({ signal, told }) {
  const item = h("li", { class: `happening ${told.tone}`, "data-side": told.side, "data-event": signal.event_id },
    h("span", { class: `badge ${told.tone}` }, icon(told.icon)),
    h("div", { class: "happening-words" },
      h("p", { class: "happening-title" },
        h("button", { type: "button", class: "id-button", "data-n": "", "aria-haspopup": "dialog", title: plain(signal.customer_id) }, name(signal.customer_id)), h("span", null, ` ${told.title}`)),
      h("p", { class: "soft happening-detail" }, nodes(told.detail)),
      told.step.length > 0 ? h("p", { class: "happening-step" }, "Next: ", h("b", null, nodes(told.step))) : null),
    h("time", { datetime: signal.occurred_at, class: "soft" }, shortTime(signal.occurred_at)));
  item.signal = signal;
  return item;
}
