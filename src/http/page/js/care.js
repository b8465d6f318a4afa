// Support effort beside return: how many came back after a problem was solved, and how many were expected to.

import { at, h } from "./dom.js";
import { count, many, percent, points } from "./format.js";

/** Below this many cases the comparison says little. */
const FEW = 50;

const KINDS = [
  { key: "painless", name: "Solved without trouble", about: "in time, asked once, no bad rating" },
  { key: "painful", name: "Solved with trouble", about: "late, asked again, reopened or rated badly" },
];

const FAILED = { overdue: "too late", contacted: "had to ask again", reopened: "opened again", low_rating: "rated badly" };

function bar(actual, expected) {
  const meter = h("div", { class: "care-bar", "aria-hidden": "true" }, h("i", { class: "care-fill" }), h("i", { class: "care-mark" }));
  meter.querySelector(".care-fill").style.setProperty("inline-size", `${Math.min(100, actual * 100).toFixed(2)}%`);
  meter.querySelector(".care-mark").style.setProperty("inset-inline-start", `${Math.min(100, expected * 100).toFixed(2)}%`);
  return meter;
}

function lift(of) {
  const difference = of.numerator - of.expected;
  const whole = Math.round(Math.abs(difference));
  const side = difference >= 0 ? "more" : "fewer";
  const by = points(difference / of.denominator);
  if (whole === 0) return h("p", { class: "lift" }, "About as many as expected");
  return h("p", { class: `lift ${difference >= 0 ? "up" : "down"}` }, h("span", { "aria-hidden": "true" }, difference >= 0 ? "↗" : "↘"), ` ${count(whole)} ${side} than expected (${by} points)`);
}

function kind({ key, name, about }, of) {
  const head = [h("h3", null, name), h("p", { class: "soft small" }, about)];
  if (!of || of.denominator === 0) return h("div", { class: `care-kind ${key}` }, head, h("p", { class: "soft" }, "No case is 60 days old yet."));
  const [actual, expected] = [of.numerator / of.denominator, of.expected / of.denominator];
  const few = of.denominator < FEW ? h("span", { class: "few" }, "few cases, wait") : null;
  return h("div", { class: `care-kind ${key}` }, head,
    h("p", { class: "care-figure" }, h("data", { value: String(actual) }, percent(actual)), h("span", null, ` came back`)),
    bar(actual, expected),
    h("p", { class: "soft small" }, `${count(of.numerator)} of ${count(of.denominator)}; ${percent(expected)} were expected to when the problem began `, few),
    lift(of));
}

function painless(window, days) {
  const of = window.painless_resolution;
  if (!of || of.denominator === 0) return h("p", { class: "small" }, `No problem was solved and settled in the last ${days} days${of?.unripe > 0 ? `; ${many(of.unripe, "case")} still open to change` : ""}.`);
  const failed = Object.entries(of.failed ?? {}).filter(([, number]) => number > 0).map(([name, number]) => `${count(number)} ${FAILED[name] ?? name.replaceAll("_", " ")}`);
  return h("p", { class: "small" }, h("b", null, percent(of.numerator / of.denominator)), ` of problems solved without trouble in the last ${days} days, ${count(of.numerator)} of ${count(of.denominator)}`,
    failed.length > 0 ? ` (the others: ${failed.join(", ")})` : "", ".");
}

function silent(window, days) {
  const of = window.silent_churn;
  if (!of || of.denominator === 0) return null;
  return h("p", { class: "small" }, h("b", null, percent(of.numerator / of.denominator)), ` of those who went quiet in the last ${days} days never complained, ${count(of.numerator)} of ${count(of.denominator)}.`);
}

export function show(rates, windowName) {
  const window = rates.windows[windowName];
  const body = at("care-body");
  body.classList.remove("waiting");
  const recovery = rates.service_recovery ?? {};
  const days = Number.parseInt(windowName, 10);
  body.replaceChildren(
    h("div", { class: "care-kinds" }, KINDS.map((one) => kind(one, recovery[one.key]))),
    KINDS.some((one) => recovery[one.key]?.denominator > 0) ? h("p", { class: "care-key soft small", "aria-hidden": "true" }, h("i", { class: "care-mark" }), "expected") : "",
    h("div", { class: "care-more" }, painless(window, days), silent(window, days) ?? ""));
}
