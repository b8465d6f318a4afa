// A small curve of a rate over the days, with lines for what to aim for.

import { h, s } from "./dom.js";
import { businessDay, percent } from "./format.js";

const HEIGHT = 72;
const PAD = { top: 8, bottom: 6, right: 5 };
/** Room beside the curve for the names of its lines, and between two of them. */
const NAMES = 84;
const APART = 13;
const DAYS = 182;

const shareOf = ({ numerator, denominator }) => (denominator > 0 ? numerator / denominator : null);

/** The history of one rate: `{ day, share }`, days without cases left out. */
export function series(days, rate) {
  return days.slice(-DAYS).map((one) => ({ day: one.day, at: Date.parse(one.day), share: shareOf(one[rate]) })).filter((one) => one.share !== null);
}

/** What stood four weeks ago, or null. */
export function fourWeeksBefore(points) {
  const last = points.at(-1);
  if (!last) return null;
  return points.findLast((one) => last.at - one.at >= 28 * 86_400_000 && last.at - one.at < 31 * 86_400_000) ?? null;
}

function scale(points, targets) {
  const values = [...points.map((one) => one.share), ...targets.map((one) => one.share)];
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.02, (high - low) * 0.12);
  [low, high] = [Math.max(0, low - room), Math.min(1, high + room)];
  return (share) => PAD.top + (1 - (share - low) / Math.max(1e-9, high - low)) * (HEIGHT - PAD.top - PAD.bottom);
}

function told(points, targets) {
  const [first, last] = [points[0], points.at(-1)];
  const shares = points.map((one) => one.share);
  const lines = targets.map((one) => `${one.name} ${percent(one.share, 2)}`).join(", ");
  return `From ${percent(first.share)} on ${businessDay(first.day)} to ${percent(last.share)} on ${businessDay(last.day)}, ` +
    `lowest ${percent(Math.min(...shares))}, highest ${percent(Math.max(...shares))}${lines ? `; lines: ${lines}` : ""}.`;
}

/** A line for each target, its name beside the curve, no two names on one another. */
function targetLines(targets, y, right) {
  let lowest = -Infinity;
  return [...targets].sort((a, b) => b.share - a.share).map((one) => {
    const at = y(one.share);
    const named = Math.max(at + 4, lowest + APART);
    lowest = named;
    return s("g", { class: `target ${one.kind}` }, s("line", { x1: 0, x2: right + 6, y1: at.toFixed(1), y2: at.toFixed(1) }),
      s("text", { x: right + 10, y: named.toFixed(1) }, `${one.name} ${percent(one.share, 2)}`));
  });
}

/** The curve as a figure, drawn for a width in pixels. */
export function spark(points, width, targets = []) {
  if (points.length < 2) return h("p", { class: "spark-empty soft" }, "The curve begins when two days are over.");
  const [from, to] = [points[0].at, points.at(-1).at];
  const right = width - (targets.length > 0 ? NAMES : PAD.right);
  const x = (at) => ((at - from) / (to - from)) * right;
  const y = scale(points, targets);
  const path = points.map((one, n) => `${n === 0 ? "M" : "L"}${x(one.at).toFixed(1)} ${y(one.share).toFixed(1)}`).join("");
  const last = points.at(-1);
  const lines = targetLines(targets, y, right);
  const drawing = s("svg", { class: "spark", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": told(points, targets) },
    s("path", { class: "spark-area", d: `${path}L${x(last.at).toFixed(1)} ${HEIGHT}L0 ${HEIGHT}Z` }), lines,
    s("path", { class: "spark-line", d: path }), s("circle", { class: "spark-end", cx: x(last.at).toFixed(1), cy: y(last.share).toFixed(1), r: 3.5 }));
  return h("figure", { class: "spark-figure" }, drawing, h("figcaption", { class: targets.length > 0 ? "soft beside" : "soft", "aria-hidden": "true" }, h("span", null, businessDay(points[0].day)), h("span", null, businessDay(last.day))));
}
