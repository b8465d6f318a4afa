// What Grafana's Prometheus data source does for a panel: variables put in, queries asked, answers made into data frames.
import { FieldType, toDataFrame } from '@grafana/data';

const PROMETHEUS = '/prometheus/api/v1';
const POINTS = 240;

async function ask(path, parameters) {
  const answer = await (await fetch(`${PROMETHEUS}/${path}?${new URLSearchParams(parameters)}`)).json();
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data;
}

/** Seconds of `now-3h` and the like. */
export function spanOf(from) {
  const [, many, unit] = /^now-(\d+)([mhd])$/.exec(from);
  return Number(many) * { m: 60, h: 3600, d: 86400 }[unit];
}

/** Values of a dashboard's variables: the one it names, else the first; all where several may be chosen. */
export async function valuesOf(dashboard) {
  const values = {};
  for (const variable of dashboard.templating.list.filter((one) => one.type === 'query')) {
    const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(variable.query.query);
    const found = await ask(`label/${label}/values`, { 'match[]': putIn(metric, values, 60) });
    const wanted = variable.current.value;
    values[variable.name] = variable.multi ? found.join('|') : found.includes(wanted) ? wanted : found[0];
  }
  return values;
}

/** `$window` and the like, in expressions and in titles. */
export function putIn(text, values, step) {
  const interval = `${Math.max(60, Math.ceil(step * 4))}s`;
  const all = { __rate_interval: interval, ...values };
  return text.replace(/\$\{?(\w+)\}?/g, (whole, name) => all[name] ?? whole);
}

function legend(target, labels) {
  if (target.legendFormat && target.legendFormat !== '__auto') {
    return target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');
  }
  return Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(', ') || 'Value';
}

function tableOf(refId, result) {
  const names = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  return toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((series) => series.value[0] * 1000) },
      ...names.map((name) => ({ name, type: FieldType.string, values: result.map((series) => series.metric[name] ?? '') })),
      { name: 'Value', type: FieldType.number, values: result.map((series) => Number(series.value[1])) },
    ],
  });
}

/** The data frames of a target, as Grafana would have them. */
export async function framesOf(target, values, from) {
  const now = Math.floor(Date.now() / 1000);
  const span = spanOf(from);
  const step = Math.max(15, Math.round(span / POINTS));
  const expr = putIn(target.expr, values, step);
  if (target.instant) {
    const { result } = await ask('query', { query: expr, time: now });
    if (target.format === 'table') return result.length ? [tableOf(target.refId, result)] : [];
    return result.map((series) => frame(target, series.metric, [series.value]));
  }
  const start = Math.floor((now - span) / step) * step;
  const { result } = await ask('query_range', { query: expr, start, end: now, step });
  return result.map((series) => frame(target, series.metric, filled(series.values, start, now, step)));
}

/** Null where there is no value, so that a gap is seen. */
function filled(points, start, end, step) {
  const known = new Map(points);
  return Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, place) => {
    const at = start + place * step;
    return [at, known.get(at) ?? null];
  });
}

function frame(target, labels, points) {
  const name = legend(target, labels);
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: points.map(([at]) => at * 1000), config: {} },
      {
        name: 'Value',
        type: FieldType.number,
        labels,
        config: { displayNameFromDS: name },
        values: points.map(([, value]) => (value === null || value === 'NaN' ? null : Number(value))),
      },
    ],
  });
}
