// The live stream, read with fetch because the token is a header. It reconnects by itself, goes on after the newest
// event it has seen, and takes silence for a broken line.

import { headers, problemOf, Problem } from "./api.js";
import { Events } from "./sse.js";

/** The service says something every 15 s. */
const SILENCE_MS = 40_000;
const WAITS_MS = [300, 1_000, 2_000, 4_000, 8_000, 10_000];
/** How many of the past signals a page that opens asks for. */
const PAST = 40n;

export class Stream {
  #abort = null;
  #timer = null;
  #tries = 0;
  #lastId = null;
  #isRunning = false;
  #hasPast = false;
  /** Asking for what happened before the page was there: that some of it is forgotten is no gap. */
  #asksPast = false;

  /** `on`: `open()`, `event(name, data)`, `heard()`, `lost(problem, retryAt)`, `refused(problem)`. */
  constructor(on) {
    this.on = on;
  }

  start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#tries = 0;
    void this.#connect();
  }

  stop() {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  /** Tries at once instead of waiting. */
  retry() {
    if (!this.#isRunning) return;
    clearTimeout(this.#timer);
    this.#abort?.abort();
    void this.#connect();
  }

  async #connect() {
    const mine = new AbortController();
    this.#abort = mine;
    let watch = null;
    const listen = () => {
      clearTimeout(watch);
      watch = setTimeout(() => mine.abort(), SILENCE_MS);
    };
    try {
      listen();
      const more = { Accept: "text/event-stream", ...(this.#lastId === null ? {} : { "Last-Event-ID": this.#lastId }) };
      const response = await fetch("/api/v1/events", { headers: headers(more), cache: "no-store", credentials: "omit", redirect: "error", signal: mine.signal });
      if (!response.ok) throw await problemOf(response);
      await this.#read(response.body, listen);
      throw new Problem(0, "the stream ended");
    } catch (problem) {
      mine.abort();
      if (this.#abort === mine && this.#isRunning) this.#after(problem);
    } finally {
      clearTimeout(watch);
    }
  }

  async #read(body, listen) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const events = new Events();
    let isOpen = false;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      listen();
      this.on.heard();
      for (const event of events.read(decoder.decode(value, { stream: true }))) {
        if (event.name === "hello" && this.#startsEarlier(event)) return;
        if (!isOpen) {
          isOpen = true;
          this.#tries = 0;
          this.on.open();
        }
        const isOfThePast = this.#asksPast;
        if (event.name === "gap") this.#lastId = null;
        if (events.lastId !== null) this.#lastId = events.lastId;
        if (event.name !== "gap" || !isOfThePast) this.on.event(event.name, parsed(event.data));
      }
    }
  }

  /** A page that opens shows what happened last: it connects once more, from a little before the newest. */
  #startsEarlier(event) {
    if (this.#hasPast) return false;
    this.#hasPast = true;
    const newest = String(parsed(event.data)?.newest_id ?? "");
    if (!/^[1-9]\d*$/.test(newest)) return false;
    const from = BigInt(newest) - PAST;
    this.#lastId = String(from > 0n ? from : 0n);
    this.#tries = -1;
    this.#asksPast = true;
    return true;
  }

  #after(problem) {
    if (this.#tries >= 0) this.#asksPast = false;
    if (problem.status === 401 || problem.status === 403) {
      this.#isRunning = false;
      this.on.refused(problem);
      return;
    }
    this.#tries += 1;
    const wait = this.#tries === 0 ? 0 : WAITS_MS[Math.min(this.#tries, WAITS_MS.length) - 1] * (0.8 + Math.random() * 0.4);
    if (this.#tries > 0) this.on.lost(problem, performance.now() + wait);
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
