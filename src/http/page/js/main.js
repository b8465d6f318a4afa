// The page: what is asked for when, and who shows it.

import { at } from "./dom.js";
import { Calls } from "./calls.js";
import * as care from "./care.js";
import { Feed } from "./feed.js";
import { tellTimeIn } from "./format.js";
import * as health from "./health.js";
import { Months } from "./months.js";
import { Door, Notice } from "./notice.js";
import * as headline from "./rates.js";
import { Resource } from "./resource.js";
import { Story } from "./story.js";
import { Stream } from "./stream.js";
import * as theme from "./theme.js";

/** What changes without an event, because time passes, is asked for again this often. */
const BY_ITSELF_MS = 30_000;
const HEALTH_MS = 5_000;

let shown = null;
let history = null;

const windowName = () => `${document.querySelector("input[name=window]:checked").value}d`;

theme.begin();
const door = new Door({ opened: () => begin() });
const notice = new Notice({ retry: () => { stream.retry(); for (const one of resources) one.wantNow(); } });
const story = new Story();
const months = new Months();
const open = (id, button, action) => story.open(id, button, action);
const feed = new Feed(open);
const calls = new Calls({ changed: () => customers.wantNow(), open });

/** Any answer shows that the service is there; a refusal shows the door. */
const resource = (of) => new Resource({
  ...of,
  apply: (answer) => {
    notice.heard();
    door.open();
    of.apply(answer);
  },
  fail: (problem) => {
    if (problem.status === 401 || problem.status === 403) refused(problem);
    else of.fail(problem);
  },
});

const rates = resource({
  path: () => "rates", everyMs: 1_000,
  apply: (answer) => {
    const isNewDay = answer.at?.slice(0, 10) !== shown?.at?.slice(0, 10);
    shown = answer;
    notice.found("numbers");
    tellTimeIn(answer.time_zone);
    notice.asOf(answer.at);
    headline.offer(answer);
    drawRates();
    months.show(answer.cohorts);
    calls.offer(currencies(answer));
    if (isNewDay) past.want();
  },
  fail: (problem) => {
    if (shown !== null) {
      notice.lost("numbers", problem, performance.now() + 2_000);
      return;
    }
    at("verdict").textContent = "The numbers are not there yet.";
    at("verdict-text").textContent = `${problem.message}. They are asked for again by themselves.`;
  },
});

const past = resource({
  path: () => `rates/history?window=${windowName()}`, everyMs: 5_000,
  apply: (answer) => {
    history = answer;
    drawRates();
  },
  fail: () => {},
});

const customers = resource({
  path: () => calls.path, everyMs: 2_000, apply: (answer) => calls.show(answer), fail: (problem) => calls.fail(problem),
});

const pipeline = resource({ path: () => "pipeline", everyMs: 1_000, apply: health.show, fail: health.fail });

const resources = [rates, past, customers, pipeline];

/** Something changed: asked for again, unless nobody looks. */
function look() {
  if (document.hidden) return;
  rates.want();
  customers.want();
}

const stream = new Stream({
  open: () => {
    notice.found("stream");
    feed.opened();
    look();
    pipeline.want();
  },
  heard: () => notice.heard(),
  event: (name, data) => {
    if (name === "gap") {
      if (shown !== null) feed.tell("The service was started anew, or much happened while this page was away: some of it is not shown here.");
      for (const one of resources) one.want();
    } else if (name === "rates") {
      look();
    } else if ((name === "returning_customer" || name === "churn_risk") && data !== null) {
      feed.add(data);
      look();
      story.note(data.customer_id, data.type === "churn_risk" ? data.action : null);
    }
  },
  lost: (problem, retryAt) => notice.lost("stream", problem, retryAt),
  refused: (problem) => refused(problem),
});

function refused(problem) {
  for (const one of resources) one.stop();
  stream.stop();
  story.close();
  door.close(problem);
}

function begin() {
  for (const one of resources) one.start();
  stream.start();
}

function drawRates() {
  if (shown === null) return;
  headline.show(shown, windowName(), history);
  if (shown.windows[windowName()]) care.show(shown, windowName());
}

/** All currencies that are spoken of, those of most orders first. */
function currencies(answer) {
  const orders = new Map();
  for (const values of Object.values(answer.now.value_at_risk ?? {})) for (const currency of Object.keys(values)) orders.set(currency, 0);
  for (const window of Object.values(answer.windows)) {
    for (const [currency, classes] of Object.entries(window.average_order_value ?? {})) {
      const sum = Object.values(classes).reduce((all, one) => all + one.denominator, 0);
      orders.set(currency, Math.max(orders.get(currency) ?? 0, sum));
    }
  }
  return [...orders].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([currency]) => currency);
}

at("windows").addEventListener("change", () => {
  drawRates();
  past.wantNow();
});

let width = 0;
new ResizeObserver(([entry]) => {
  const now = Math.round(entry.contentRect.width);
  if (now === width) return;
  width = now;
  requestAnimationFrame(drawRates);
}).observe(at("tiles"));

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const one of resources) one.want();
});
setInterval(look, BY_ITSELF_MS);
setInterval(() => {
  if (document.hidden) return;
  pipeline.want();
  story.note();
}, HEALTH_MS);

begin();
