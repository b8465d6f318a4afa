// A customer's life as a picture: the chance of return as a curve, changes of level marked on it, and below it what
// happened: orders, problems, ratings.

import { h, s, write } from "./dom.js";
import { chance, day, moment, percent, shortDay } from "./format.js";
import { levelName } from "./words.js";

const TOP = 34;
const PLOT = 190;
const LANE = 26;
const LEFT = 64;
const RIGHT = 14;

class Scale {
  constructor(story, history, width) {
    const times = [...story.curve.map((one) => moment(one.at)), ...history.orders.map((one) => moment(one.occurred_at))].filter((one) => one !== null);
    this.from = Math.min(...times);
    this.to = Math.max(...times, this.from + 3_600_000);
    this.width = width;
    this.right = width - RIGHT;
    const most = Math.max(0.2, ...story.curve.flatMap((one) => [one.return_probability, one.usual_return_probability]));
    this.top = Math.min(1, Math.ceil(most * 5 + 0.01) / 5);
  }

  x(time) {
    const at = typeof time === "number" ? time : moment(time);
    return LEFT + ((Math.min(this.to, Math.max(this.from, at)) - this.from) / (this.to - this.from)) * (this.right - LEFT);
  }

  y(share) {
    return TOP + (1 - share / this.top) * PLOT;
  }
}

const fixed = (number) => number.toFixed(1);
const pathOf = (points) => points.map(([x, y], n) => `${n === 0 ? "M" : "L"}${fixed(x)} ${fixed(y)}`).join("");

function grid(scale) {
  const steps = scale.top > 0.6 ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
  return steps.filter((share) => share <= scale.top + 1e-9).map((share) => s("g", { class: "grid" },
    s("line", { x1: LEFT, x2: scale.right, y1: fixed(scale.y(share)), y2: fixed(scale.y(share)) }),
    s("text", { x: LEFT - 8, y: fixed(scale.y(share) + 4), "text-anchor": "end" }, percent(share, 0))));
}

function dates(scale, y) {
  const most = Math.max(2, Math.min(6, Math.floor((scale.right - LEFT) / 110)));
  return Array.from({ length: most + 1 }, (_, n) => {
    const at = scale.from + ((scale.to - scale.from) * n) / most;
    const anchor = n === 0 ? "start" : n === most ? "end" : "middle";
    return s("text", { class: "date", x: fixed(scale.x(at)), y, "text-anchor": anchor }, shortDay(at));
  });
}

/** The curve in pieces of one level each, every piece reaching the next one's first point. */
function curve(story, scale) {
  const points = story.curve.map((one) => ({ level: one.level, at: [scale.x(one.at), scale.y(one.return_probability)] }));
  const parts = [];
  points.forEach((point, n) => {
    const last = parts.at(-1);
    if (last && last.level === point.level) last.points.push(point.at);
    else {
      if (last) last.points.push(point.at);
      parts.push({ level: point.level, points: [point.at] });
    }
    if (n === points.length - 1 && parts.at(-1).points.length === 1) parts.at(-1).points.unshift(points[Math.max(0, n - 1)].at);
  });
  const area = points.length > 1 ? `${pathOf(points.map((one) => one.at))}L${fixed(points.at(-1).at[0])} ${TOP + PLOT}L${fixed(points[0].at[0])} ${TOP + PLOT}Z` : "";
  const usual = pathOf(story.curve.map((one) => [scale.x(one.at), scale.y(one.usual_return_probability)]));
  const end = points.at(-1);
  return [
    s("path", { class: "chance-area", d: area }), s("path", { class: "chance-usual", d: usual }),
    parts.map((part) => s("path", { class: `chance-line ${part.level}`, d: pathOf(part.points) })),
    s("circle", { class: `chance-end ${end.level}`, cx: fixed(end.at[0]), cy: fixed(end.at[1]), r: 5 }),
  ];
}

const WORDS = { low: "as usual", medium: "medium", high: "high", lapsed: "gone quiet" };

/** Level changes as lines; words where there is room for them, the newest first. */
function changes(story, scale) {
  let free = scale.right + 1;
  const marks = [];
  for (const change of [...story.changes].reverse().slice(0, 60)) {
    const x = scale.x(change.at);
    const label = WORDS[change.level] ?? change.level;
    const width = label.length * 6.2 + 10;
    const isToldLeft = x + width > scale.right;
    const [from, to] = isToldLeft ? [x - width, x] : [x, x + width];
    const isTold = to <= free && from >= LEFT - 4;
    if (isTold) free = from - 4;
    marks.push(s("g", { class: `change-mark ${change.level}` },
      s("line", { x1: fixed(x), x2: fixed(x), y1: isTold ? TOP - 22 : TOP - 4, y2: TOP + PLOT }),
      isTold ? s("text", { x: fixed(isToldLeft ? x - 5 : x + 5), y: TOP - 13, "text-anchor": isToldLeft ? "end" : "start" }, label) : null,
      s("title", null, `${levelName(change.level)} from ${day(change.at)}`)));
  }
  return marks;
}

function lanes(history, scale) {
  const y = (n) => TOP + PLOT + 24 + n * LANE;
  const name = (n, text) => s("g", { class: "lane" }, s("line", { x1: LEFT, x2: scale.right, y1: y(n), y2: y(n) }), s("text", { x: LEFT - 8, y: y(n) + 4, "text-anchor": "end" }, text));
  const orders = history.orders.map((order) => s("circle", { class: "mark order", cx: fixed(scale.x(order.occurred_at)), cy: y(0), r: 4 }));
  const refunds = history.refunds.map((refund) => cross(scale.x(refund.occurred_at), y(0)));
  const tickets = history.tickets.flatMap((ticket) => help(ticket, scale, y(1)));
  const ratings = history.low_ratings.map((rating) => diamond(scale.x(rating.occurred_at), y(1)));
  return [name(0, "orders"), name(1, "problems"), orders, refunds, tickets, ratings];
}

const cross = (x, y) => s("path", { class: "mark refund", d: `M${fixed(x - 4)} ${y - 4}l8 8m0-8l-8 8` });
const diamond = (x, y) => s("path", { class: "mark rating", d: `M${fixed(x)} ${y - 6}l6 6-6 6-6-6z` });

/** A problem from its opening to its end, with a stroke for every time the customer asked again. */
function help(ticket, scale, y) {
  const steps = ticket.steps;
  if (steps.length === 0) return [];
  const end = [...steps].reverse().find((step) => step.what !== "contacted");
  const isOpen = end?.what !== "resolved";
  const [from, to] = [scale.x(steps[0].occurred_at), isOpen ? scale.right : scale.x(end.occurred_at)];
  const again = steps.slice(1).filter((step) => step.what === "contacted" || step.what === "reopened");
  return [
    s("rect", { class: `mark ticket ${isOpen ? "open" : "solved"}`, x: fixed(from), y: y - 4, width: fixed(Math.max(5, to - from)), height: 8, rx: 4 }),
    ...again.map((step) => s("line", { class: "mark again", x1: fixed(scale.x(step.occurred_at)), x2: fixed(scale.x(step.occurred_at)), y1: y - 8, y2: y + 8 })),
  ];
}

/** The picture, with a line that the pointer or the arrow keys move over it. */
export function chart(story, history, width) {
  const scale = new Scale(story, history, width);
  const bottom = TOP + PLOT + 22 + LANE + 14;
  const height = bottom + 22;
  const cursor = s("g", { class: "cursor", visibility: "hidden" }, s("line", { y1: TOP, y2: bottom }), s("circle", { r: 4 }));
  const first = story.curve[0];
  const last = story.curve.at(-1);
  const told = `The chance of return from ${chance(first.return_probability)} on ${day(first.at)} to ${chance(last.return_probability)} on ${day(last.at)}, with ${story.changes.length} changes of risk.`;
  const drawing = s("svg", { class: "life", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": told },
    grid(scale), lanes(history, scale), changes(story, scale), curve(story, scale), dates(scale, height - 4), cursor);
  const readout = h("p", { class: "readout soft", role: "status" });
  const figure = h("figure", { class: "life-figure", tabindex: "0", role: "group", "aria-label": "The chance of return over time. Left and right arrow keys read it." }, drawing, readout);
  follow(figure, { story, scale, cursor, readout });
  return figure;
}

/** Listeners stay on the figure and go away with it. */
function follow(figure, { story, scale, cursor, readout }) {
  const { curve: points } = story;
  let shown = points.length - 1;
  const rest = () => write(readout, "Move over the curve, or use the arrow keys, to read it.");
  const show = (n) => {
    shown = Math.max(0, Math.min(points.length - 1, n));
    const point = points[shown];
    const [x, y] = [fixed(scale.x(point.at)), fixed(scale.y(point.return_probability))];
    const [line, circle] = cursor.children;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    circle.setAttribute("cx", x);
    circle.setAttribute("cy", y);
    cursor.setAttribute("visibility", "visible");
    write(readout, `${day(point.at)}: chance of return ${chance(point.return_probability)}, usual ${chance(point.usual_return_probability)}, ${levelName(point.level).toLowerCase()}`);
  };
  figure.addEventListener("pointermove", (event) => {
    const box = figure.querySelector("svg").getBoundingClientRect();
    const at = scale.from + ((((event.clientX - box.left) * scale.width) / box.width - LEFT) / (scale.right - LEFT)) * (scale.to - scale.from);
    show(nearest(points, at));
  });
  figure.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    rest();
  });
  figure.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(shown + step);
  });
  rest();
}

function nearest(points, at) {
  let best = 0;
  points.forEach((point, n) => {
    if (Math.abs(moment(point.at) - at) < Math.abs(moment(points[best].at) - at)) best = n;
  });
  return best;
}
