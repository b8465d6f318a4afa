// Whether the numbers are those of now: how far behind the service is, and what of the shop this page shows.

import { at, h, write } from "./dom.js";
import { count, dayAndTime, many, seconds } from "./format.js";

const BEHIND_S = 10;

/** `0–3, 7`. */
export function ranges(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const parts = [];
  for (const one of sorted) {
    const last = parts.at(-1);
    if (last && one === last[1] + 1) last[1] = one;
    else parts.push([one, one]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(", ");
}

const lagOf = (partition) => Math.max(0, ...partition.inputs.map((input) => input.lag_seconds ?? 0));
const backlogOf = (partition) => partition.inputs.reduce((sum, input) => sum + (input.backlog ?? 0), 0);

function words(pipeline) {
  const { partitions } = pipeline;
  if (partitions.length === 0) return ["wait", pipeline.ready ? "This instance was given nothing to do; another one does the work." : `Getting ready: ${pipeline.reason ?? "waiting for work"}.`];
  const restoring = partitions.filter((one) => one.state === "restoring");
  const left = restoring.reduce((sum, one) => sum + (one.restore_remaining ?? 0), 0);
  if (restoring.length > 0) return ["wait", `Getting ready: ${count(restoring.length)} of ${many(partitions.length, "part")} still being restored, ${many(left, "record")} to go.`];
  if (!pipeline.ready) return ["wait", `Getting ready: ${pipeline.reason ?? "waiting"}.`];
  const behind = Math.max(...partitions.map(lagOf));
  const backlog = partitions.reduce((sum, one) => sum + backlogOf(one), 0);
  if (behind > BEHIND_S) return ["late", `${seconds(behind)} behind, ${many(backlog, "event")} still to read. The numbers catch up by themselves.`];
  return ["good", behind < 1 ? "Yes: everything is read, less than a second behind." : `Yes: ${seconds(behind)} behind.`];
}

function line(partition) {
  const inputs = partition.inputs.map((input) => {
    const state = input.backlog > 0 ? `${count(input.backlog)} to read, ${seconds(input.lag_seconds ?? 0)} behind` : input.idle ? "nothing new" : input.backlog === null ? "not known yet" : "read";
    return h("span", { class: `input ${input.backlog > 0 ? "late" : ""}` }, h("b", null, input.source), ` ${state}`);
  });
  const state = partition.state === "restoring" ? `being restored, ${count(partition.restore_remaining)} to go` : partition.state === "running" ? "at work" : partition.state;
  return h("tr", { role: "row" }, h("th", { scope: "row", role: "rowheader" }, `Part ${partition.partition}`), h("td", { role: "cell", "data-label": "State" }, state),
    h("td", { role: "cell", "data-label": "Its time" }, partition.time ? dayAndTime(partition.time) : "none yet"),
    h("td", { role: "cell", class: "number", "data-label": "Customers" }, count(partition.customers ?? 0)), h("td", { role: "cell", class: "inputs", "data-label": "Inputs" }, inputs));
}

export function show(pipeline) {
  const [kind, text] = words(pipeline);
  const said = at("health-text");
  said.dataset.kind = kind;
  write(said, text);
  const numbers = pipeline.partitions.map((one) => one.partition);
  write(at("scope"), numbers.length === 0 ? `Instance ${pipeline.instance}, version ${pipeline.version}: no partitions.`
    : `This page shows ${numbers.length === 1 ? "partition" : "partitions"} ${ranges(numbers)} of instance ${pipeline.instance}, version ${pipeline.version}. Where several instances share the work, each has a page of its own.`);
  const head = ["Part", "State", "Its time", "Customers", "Inputs"].map((title) => h("th", { scope: "col", role: "columnheader", class: title === "Customers" ? "number" : null }, title));
  const body = at("health-body");
  const wasOpen = body.querySelector("details")?.open ?? false;
  if (numbers.length === 0) {
    body.replaceChildren();
    return;
  }
  const table = h("table", { class: "parts", role: "table" }, h("caption", { class: "unseen" }, "The parts of the shop this page shows"),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), h("tbody", { role: "rowgroup" }, pipeline.partitions.map(line)));
  const details = body.querySelector("details");
  if (details) details.querySelector("table").replaceWith(table);
  else body.replaceChildren(h("details", { open: wasOpen }, h("summary", null, "Part by part"), table));
}

export function fail(problem) {
  const said = at("health-text");
  said.dataset.kind = "late";
  write(said, `Not known: ${problem.message}.`);
}
