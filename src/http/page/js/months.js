// The cohort triangle: of those who first bought in a month, the share that ordered in each month after it.

import { at, h, write } from "./dom.js";
import { count, many, month, percent } from "./format.js";

const FIRST = 12;
const AFTER = 12;
const STEPS = [0, 0.03, 0.07, 0.12, 0.18, 0.26, 0.36, 0.5];

const stepOf = (share) => STEPS.findLastIndex((from) => share >= from);

export class Months {
  #cohorts = null;
  #key = "";
  #isWhole = false;

  constructor() {
    at("months-more").addEventListener("click", () => {
      this.#isWhole = !this.#isWhole;
      this.#draw();
    });
  }

  show(cohorts) {
    const key = JSON.stringify(cohorts);
    if (key === this.#key) return;
    this.#key = key;
    this.#cohorts = cohorts;
    this.#draw();
  }

  #draw() {
    const body = at("months-body");
    body.classList.remove("waiting");
    const all = this.#cohorts;
    const more = at("months-more");
    more.hidden = all.length <= FIRST;
    write(more, this.#isWhole ? "Show the last twelve months" : `Show all ${count(all.length)} months`);
    if (all.length === 0) {
      body.replaceChildren(h("p", { class: "empty" }, h("strong", null, "Nothing to compare yet."), " A row appears with the first customer, a column with every month."));
      return;
    }
    const shown = this.#isWhole ? all : all.slice(-FIRST);
    const columns = Math.max(1, Math.min(this.#isWhole ? 48 : AFTER, ...[Math.max(...shown.map((one) => one.ordered.length)) - 1]));
    const left = body.querySelector(".months-scroll")?.scrollLeft ?? 0;
    const table = h("table", { class: "triangle" },
      h("caption", { class: "unseen" }, "Share of each month's new customers who ordered again, by months since"),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "First bought"), h("th", { scope: "col", class: "number" }, "New"),
        Array.from({ length: columns }, (_, k) => h("th", { scope: "col", class: "number" }, h("abbr", { title: many(k + 1, "month") + " later" }, `+${k + 1}`))))),
      h("tbody", null, average(all, columns), shown.map((cohort) => line(cohort, columns))));
    body.replaceChildren(h("div", { class: "months-scroll", tabindex: "0", role: "region", "aria-label": "Months, scrolls sideways" }, table), legend());
    body.querySelector(".months-scroll").scrollLeft = left;
  }
}

function cell(ordered, customers, isPartial, title) {
  const share = customers > 0 ? ordered / customers : 0;
  return h("td", { class: `q${stepOf(share)}${isPartial ? " partial" : ""}`, title }, percent(share, 0), isPartial ? h("span", { class: "unseen" }, " so far") : null);
}

function line(cohort, columns) {
  const cells = [];
  for (let k = 1; k <= columns; k += 1) {
    const ordered = cohort.ordered[k];
    const isPartial = k === cohort.ordered.length - 1;
    cells.push(ordered === undefined ? h("td", { class: "void" }) : cell(ordered, cohort.customers, isPartial,
      `${count(ordered)} of ${count(cohort.customers)} ordered again${isPartial ? ", and the month is not over" : ""}`));
  }
  return h("tr", null, h("th", { scope: "row" }, month(cohort.month)), h("td", { class: "number soft" }, count(cohort.customers)), cells);
}

/** All months together, months that are not over left out. */
function average(cohorts, columns) {
  const cells = [];
  for (let k = 1; k <= columns; k += 1) {
    const old = cohorts.filter((cohort) => cohort.ordered.length - 1 > k);
    const customers = old.reduce((sum, cohort) => sum + cohort.customers, 0);
    const ordered = old.reduce((sum, cohort) => sum + cohort.ordered[k], 0);
    cells.push(customers === 0 ? h("td", { class: "void" }) : cell(ordered, customers, false, `${count(ordered)} of ${count(customers)} ordered again`));
  }
  const all = cohorts.reduce((sum, cohort) => sum + cohort.customers, 0);
  return h("tr", { class: "average" }, h("th", { scope: "row" }, "All together"), h("td", { class: "number soft" }, count(all)), cells);
}

function legend() {
  return h("p", { class: "legend soft", "aria-hidden": "true" }, "fewer", STEPS.map((_, n) => h("i", { class: `q${n}` })), "more", h("span", { class: "legend-partial" }, h("i", { class: "q3 partial" }), "month not over yet"));
}
