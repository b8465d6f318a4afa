// Whether the page is live: one small sign at the top, a line above everything when it is not, and the door when a token
// is asked for.

import { at, write } from "./dom.js";
import { count, dayAndTime, many } from "./format.js";
import { token } from "./api.js";

/** A break shorter than this is not worth a line. */
const GRACE_MS = 1_200;

export class Notice {
  #heardAt = performance.now();
  /** What is missing, by name: since when, why, and when it is tried again. */
  #lost = new Map();
  /** Not known before the first answer; null before the first purchase. */
  #shopTime = undefined;

  constructor({ retry }) {
    at("notice-now").addEventListener("click", retry);
    setInterval(() => this.#draw(), 500);
  }

  heard() {
    this.#heardAt = performance.now();
  }

  /** The stream, or the numbers, are there again. */
  found(what) {
    if (this.#lost.delete(what)) this.#draw();
  }

  lost(what, problem, retryAt) {
    const since = this.#lost.get(what)?.since ?? performance.now();
    this.#lost.set(what, { since, retryAt, why: problem.status > 0 ? problem.message : "" });
    this.#draw();
  }

  get #longest() {
    return [...this.#lost.values()].sort((a, b) => a.since - b.since)[0] ?? null;
  }

  /** The time that the numbers are as of. */
  asOf(text) {
    this.#shopTime = text;
    this.#draw();
  }

  /** A screen reader hears of the change, not of every second. */
  #say(isLost, lost) {
    const said = at("notice-said");
    if (isLost) write(said, `${lost.why ? `Not ready: ${lost.why}.` : "The connection is lost."} What you see may be old.`);
    else if (said.textContent !== "") write(said, "Live again.");
  }

  #draw() {
    const now = performance.now();
    const lost = this.#longest;
    const isLost = lost !== null && now - lost.since > GRACE_MS;
    document.body.classList.toggle("stale", isLost);
    if (at("state").dataset.state !== "closed") {
      at("state").dataset.state = isLost ? "lost" : this.#shopTime ? "live" : "waiting";
      write(at("state-text"), isLost ? "Not live" : this.#shopTime === undefined ? "Connecting" : this.#shopTime ? `Live, as of ${dayAndTime(this.#shopTime)}` : "Live, waiting for the first purchase");
    }
    at("notice").hidden = !isLost || at("main").hidden;
    this.#say(isLost, lost);
    if (!isLost) return;
    const silent = Math.round((now - this.#heardAt) / 1000);
    const wait = Math.ceil((lost.retryAt - now) / 1000);
    write(at("notice-title"), lost.why ? `Not ready: ${lost.why}.` : "The connection is lost.");
    write(at("notice-text"), `Last heard ${silent < 2 ? "a moment" : silent < 120 ? `${count(silent)} s` : many(Math.round(silent / 60), "minute")} ago, ${wait > 0 ? `trying again in ${wait} s` : "trying again"}. What you see may be old.`);
  }
}

/** Asks for the token in place of the page. */
export class Door {
  constructor({ opened }) {
    this.opened = opened;
    at("door-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const given = at("token").value.trim();
      if (!/^[\x21-\x7e]+$/.test(given)) {
        write(at("door-error"), "A token has no spaces and no special letters. Please look again.");
        return;
      }
      token.keep(given);
      at("token").value = "";
      this.#tried = true;
      this.opened();
    });
    at("forget").addEventListener("click", () => {
      token.keep(null);
      location.reload();
    });
  }

  #tried = false;

  /** The service refused: 401 asks for a token, 403 says who may. */
  close(problem) {
    const isForbidden = problem.status === 403;
    const wasHidden = at("door").hidden;
    at("main").hidden = true;
    at("door").hidden = false;
    at("notice").hidden = true;
    at("door-form").hidden = isForbidden;
    write(at("door-title"), isForbidden ? "This page answers its own machine only." : "Who is asking?");
    write(at("door-text"), isForbidden ? `Whoever runs homecoming can open it to others: ${problem.message}.` : "These are your customers, so this page asks for the token before it shows anything.");
    write(at("door-error"), this.#tried && !isForbidden ? "This is not the token. Please try again." : "");
    at("state").dataset.state = "closed";
    write(at("state-text"), isForbidden ? "Closed" : "Waiting for the token");
    at("forget").hidden = true;
    if (!isForbidden && wasHidden) at("token").focus();
  }

  open() {
    this.#tried = token.value !== null;
    if (at("main").hidden) {
      at("main").hidden = false;
      at("door").hidden = true;
      at("state").dataset.state = "waiting";
      at("main").focus({ preventScroll: true });
    }
    at("forget").hidden = token.value === null;
  }
}
