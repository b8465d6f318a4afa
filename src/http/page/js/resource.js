// Something the page shows and asks for again: never twice at once, never more often than `everyMs`, and after an error
// with growing patience.

import { ask } from "./api.js";

const PATIENCE_MS = [1_000, 2_000, 5_000, 10_000];

export class Resource {
  #timer = null;
  #asking = null;
  #lastAt = -Infinity;
  #isWanted = false;
  #failures = 0;

  /** `path()` says what to ask, `apply(answer)` shows it, `fail(problem)` says that it did not come. */
  constructor({ path, everyMs, apply, fail }) {
    Object.assign(this, { path, everyMs, apply, fail });
    this.isStopped = false;
  }

  /** What is shown is no longer true. */
  want() {
    this.#isWanted = true;
    this.#plan();
  }

  /** Something else is asked for: what is under way is of no use. */
  wantNow() {
    this.#asking?.abort();
    this.#asking = null;
    this.#lastAt = -Infinity;
    this.#failures = 0;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.want();
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#asking?.abort();
  }

  start() {
    this.isStopped = false;
    this.wantNow();
  }

  #plan() {
    if (this.isStopped || this.#timer !== null || this.#asking !== null || !this.#isWanted) return;
    const gap = this.#failures > 0 ? PATIENCE_MS[Math.min(this.#failures, PATIENCE_MS.length) - 1] : this.everyMs;
    const wait = Math.max(0, this.#lastAt + gap - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#ask();
    }, wait);
  }

  async #ask() {
    const mine = new AbortController();
    this.#asking = mine;
    this.#isWanted = false;
    this.#lastAt = performance.now();
    try {
      const answer = await ask(this.path(), { signal: mine.signal });
      if (this.#asking !== mine) return;
      this.#failures = 0;
      this.apply(answer);
    } catch (problem) {
      if (this.#asking !== mine || mine.signal.aborted) return;
      if (problem.status === undefined) throw problem;
      this.#failures += 1;
      this.#isWanted = problem.status !== 401 && problem.status !== 403 && problem.status !== 404;
      this.fail(problem);
    } finally {
      if (this.#asking === mine) {
        this.#asking = null;
        this.#plan();
      }
    }
  }
}
