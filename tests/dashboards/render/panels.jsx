// Panels by Grafana's own components (@grafana/ui). A heatmap is not among them: it is drawn here, plainly, and says so.
import { dateTime, FieldType, getDisplayProcessor } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React from 'react';

/** Of a field: the panel's defaults and the overrides that name it, as Grafana puts them together. */
function configure(field, frames, fieldConfig, theme) {
  const name = field.config.displayNameFromDS ?? field.name;
  const config = structuredClone({ ...fieldConfig.defaults, ...field.config });
  for (const { matcher, properties } of fieldConfig.overrides) {
    if (!matches(matcher, name)) continue;
    for (const { id, value } of properties) {
      if (id.startsWith('custom.')) config.custom = { ...config.custom, [id.slice(7)]: value };
      else config[id] = value;
    }
  }
  field.config = config;
  field.state = { ...field.state, displayName: config.displayName ?? name };
  field.display = getDisplayProcessor({ field, theme });
}

function matches(matcher, name) {
  if (matcher.id === 'byName') return matcher.options === name;
  return new RegExp(matcher.options.replace(/^\/|\/$/g, '')).test(name);
}

export function configured(frames, panel, theme) {
  let place = 0;
  for (const frame of frames) {
    for (const field of frame.fields) {
      configure(field, frames, field.type === FieldType.time ? { defaults: {}, overrides: [] } : panel.fieldConfig, theme);
      if (field.type === FieldType.number) field.state = { ...field.state, seriesIndex: place++ };
    }
  }
  return frames;
}

const numberOf = (frame) => frame.fields.find((field) => field.type === FieldType.number);
const lastOf = (field) => Array.from(field.values).filter((value) => value !== null).at(-1);

function rangeOf(span) {
  const to = Date.now();
  return { from: dateTime(to - span * 1000), to: dateTime(to), raw: { from: 'now', to: 'now' } };
}

function Stat({ frames, width, height, theme, span }) {
  const field = numberOf(frames[0]);
  const value = lastOf(field);
  const sparkline = { y: field, x: frames[0].fields[0], timeRange: rangeOf(span) };
  const shown = { ...field.display(value), title: undefined };
  return (
    <BigValue theme={theme} width={width} height={height} value={shown} sparkline={sparkline}
      colorMode="value" graphMode="area" justifyMode="auto" textMode="value" />
  );
}

function Bars({ frames, width, height, theme, panel }) {
  const fields = frames.map(numberOf);
  const greatest = panel.fieldConfig.defaults.max ?? Math.max(...fields.map(lastOf)) * 1.02;
  const name = Math.min(width * 0.45, 170);
  const each = Math.min(panel.options.maxVizHeight, Math.floor((height - 4) / fields.length) - 4);
  return fields.map((field, place) => {
    field.config.min = 0;
    field.config.max = greatest;
    const value = { ...getDisplayProcessor({ field, theme })(lastOf(field)), title: field.state.displayName };
    return (
      <div key={place} style={{ marginBottom: 4 }}>
        <BarGauge theme={theme} width={width} height={each} value={value} field={field.config} orientation="horizontal"
          displayMode={panel.options.displayMode} valueDisplayMode="color" namePlacement="left" showUnfilled
          lcdCellWidth={12} itemSpacing={8} text={{ titleSize: 13, valueSize: 14 }}
          alignmentFactors={{ title: 'M'.repeat(Math.round(name / 14)), text: '100,000' }} display={field.display} />
      </div>
    );
  });
}

function Lines({ frames, width, height, panel, span }) {
  return (
    <TimeSeries frames={frames} width={width} height={height} timeRange={rangeOf(span)} timeZone="utc"
      legend={panel.options.legend} options={{}} />
  );
}

/** Not Grafana's: a canvas of the counts by bucket over time, from cumulative buckets. */
function Heat({ frames, width, height, theme }) {
  const drawn = React.useRef(null);
  const bound = (frame) => Number(numberOf(frame).labels.le.replace('+Inf', 'Infinity'));
  const sorted = [...frames].sort((a, b) => bound(a) - bound(b));
  React.useEffect(() => {
    const rows = sorted.map((frame) => Array.from(numberOf(frame).values));
    const cells = rows.map((row, r) => row.map((value, at) => (value ?? 0) - (r ? rows[r - 1][at] ?? 0 : 0)));
    const most = Math.max(...cells.flat());
    const canvas = drawn.current.getContext('2d');
    const [wide, high] = [(width - 60) / cells[0].length, (height - 18) / cells.length];
    cells.forEach((row, r) => row.forEach((value, at) => {
      if (value <= 1e-9) return;
      canvas.fillStyle = `rgba(86, 180, 233, ${0.12 + 0.88 * Math.sqrt(value / most)})`;
      canvas.fillRect(60 + at * wide, (cells.length - 1 - r) * high, Math.max(1, wide - 0.5), high - 1);
    }));
    canvas.fillStyle = theme.colors.text.secondary;
    canvas.font = '11px sans-serif';
    sorted.forEach((frame, r) => r % 2 || canvas.fillText(`${bound(frame)} s`, 4, (cells.length - 0.3 - r) * high));
    canvas.fillText('drawn by the test, not by Grafana', 60, height - 4);
  });
  return <canvas ref={drawn} width={width} height={height} />;
}

function Rows({ frames, width, height, span }) {
  return (
    <TableNG data={frames[0]} width={width} height={height} cellHeight="sm" structureRev={1} timeRange={rangeOf(span)}
      getActions={() => []} noHeader={false} />
  );
}

export const KINDS = { stat: Stat, bargauge: Bars, timeseries: Lines, heatmap: Heat, table: Rows };

// What may rightly have nothing to show.
export const MAY_BE_EMPTY = new Set(['Alerts, pending and firing']);
