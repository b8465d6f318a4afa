// A dashboard, from its JSON and a Prometheus, in the places where Grafana would put its panels.
import { createTheme, standardTransformers, standardTransformersRegistry, ThemeContext, transformDataFrame } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { configured, KINDS, MAY_BE_EMPTY } from './panels.jsx';
import { framesOf, putIn, spanOf, valuesOf } from './queries.js';
import retention from './retention.json';
import service from './service.json';

const WIDTH = 1640;
const [COLUMN, ROW, GAP, TOP] = [(WIDTH - 16) / 24, 38, 8, 64];
const asked = new URLSearchParams(window.location.search);
const dashboard = { retention, service }[asked.get('dashboard')];
const theme = createTheme({ colors: { mode: asked.get('theme') ?? 'dark' } });

standardTransformersRegistry.setInit(() =>
  [...new Map(Object.values(standardTransformers).map((one) => [one.id, one])).values()].map((transformation) => ({
    id: transformation.id, name: transformation.name, transformation: () => transformation, editor: null, imageDark: '', imageLight: '',
  }))
);

function transformed(frames, transformations) {
  if (!transformations) return Promise.resolve(frames);
  return new Promise((next, error) =>
    transformDataFrame(transformations, frames, { interpolate: (text) => text }).subscribe({ next, error })
  );
}

async function load(panel, values) {
  const answers = await Promise.all(panel.targets.map((target) => framesOf(target, values, dashboard.time.from)));
  return configured(await transformed(answers.flat(), panel.transformations), panel, theme);
}

function Panel({ panel, values }) {
  const [state, set] = React.useState({ is: 'loading' });
  React.useEffect(() => {
    load(panel, values).then(
      (frames) => set({ is: frames.some((frame) => frame.length) ? 'data' : 'nodata', frames }),
      (error) => set({ is: 'error', why: String(error) })
    );
  }, []);
  const quiet = state.is === 'nodata' && MAY_BE_EMPTY.has(panel.title);
  const [width, height] = [panel.gridPos.w * COLUMN - GAP, panel.gridPos.h * ROW - GAP];
  const Kind = KINDS[panel.type];
  return (
    <div data-panel={panel.id} data-state={quiet ? 'quiet' : state.is} data-why={state.why} style={placed(panel)}>
      <PanelChrome title={putIn(panel.title, values)} description={panel.description} width={width} height={height}>
        {(inner, high) => state.is === 'data'
          ? <Guard><Kind {...{ frames: state.frames, width: inner, height: high, panel, theme }} span={spanOf(dashboard.time.from)} /></Guard>
          : <div>{quiet ? 'nothing is wrong' : state.why ?? state.is}</div>}
      </PanelChrome>
    </div>
  );
}

/** A panel that can't be drawn says so in its place. */
class Guard extends React.Component {
  state = { error: null };
  static getDerivedStateFromError(error) {
    return { error };
  }
  render() {
    if (!this.state.error) return this.props.children;
    return <div data-panel="0" data-state="error" data-why={String(this.state.error)}>{String(this.state.error)}</div>;
  }
}

function placed(panel) {
  const { x, y } = panel.gridPos;
  return { position: 'absolute', left: GAP + x * COLUMN, top: TOP + y * ROW };
}

function Whole({ values }) {
  const height = TOP + Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * ROW + GAP;
  const colors = { background: theme.colors.background.canvas, color: theme.colors.text.primary };
  const chosen = Object.entries(values).map(([name, value]) => `${name}: ${value.replaceAll('|', ' + ')}`).join('   ');
  return (
    <div data-height={height} style={{ ...colors, width: WIDTH, height, position: 'relative' }}>
      <div style={{ position: 'absolute', left: 16, top: 8, fontSize: 20, fontWeight: 500 }}>{dashboard.title}</div>
      <div style={{ position: 'absolute', left: 16, top: 36, color: theme.colors.text.secondary, whiteSpace: 'pre' }}>{chosen}</div>
      {dashboard.panels.map((panel) => panel.type === 'row'
        ? <div key={panel.id} style={{ ...placed(panel), paddingTop: 8, fontSize: 16, fontWeight: 500 }}>{panel.title}</div>
        : <Panel key={panel.id} panel={panel} values={values} />)}
    </div>
  );
}

valuesOf(dashboard).then((values) => {
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}><GlobalStyles /><Whole values={values} /></ThemeContext.Provider>
  );
});
