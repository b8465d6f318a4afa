#!/usr/bin/env python3
"""Writes dashboards as TypeScript that only compiles if Grafana's published types know every field and every value.

    to_typescript.py OUT.ts DASHBOARD.json …

Each part is checked by the type it has in Grafana: the dashboard, its panels, and of each panel the options and the
`custom` fields of its own kind. Types are made partial all the way down: Grafana fills in what is left out.
"""

import json
import sys

# Kind of panel -> module of its options, and whether it has custom field settings of its own.
KINDS = {
    "timeseries": ("TimeSeriesPanelCfg", True),
    "stat": ("StatPanelCfg", False),
    "bargauge": ("BarGaugePanelCfg", False),
    "table": ("TablePanelCfg", True),
    "heatmap": ("HeatmapPanelCfg", True),
}
# What the Prometheus data source adds to an annotation: Grafana's schema leaves that to each data source.
OF_PROMETHEUS = ("expr", "step", "tagKeys", "titleFormat", "textFormat", "useValueForTime")
HEAD = """import type { Dashboard, Panel } from '@grafana/schema';
type Partly<T> = T extends (infer Item)[] ? Partly<Item>[]
    : T extends object ? { [Key in keyof T]?: Partly<T[Key]> }
    : T extends string ? `${T}` : T;  // an enum by its texts
"""


def module(kind):
    name, _ = KINDS[kind]
    return (
        f"import type * as {kind} from '@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x/{name}_types.gen';\n"
    )


def checked(name, value, kind):
    return f"export const {name} = {json.dumps(value, indent=1)} satisfies Partly<{kind}>;\n"


def of_dashboard(name, dashboard):
    marks = [
        {key: value for key, value in mark.items() if key not in OF_PROMETHEUS}
        for mark in dashboard["annotations"]["list"]
    ]
    whole = {key: value for key, value in dashboard.items() if key != "panels"}
    yield checked(name, {**whole, "annotations": {"list": marks}}, "Dashboard")
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            continue
        kind, of = panel["type"], f"{name}_{panel['id']}"
        own = {key: value for key, value in panel.items() if key not in ("options", "fieldConfig")}
        yield checked(of, own, "Panel")
        yield checked(f"{of}_options", panel["options"], f"{kind}.Options")
        fields = panel["fieldConfig"]
        general = {**fields, "defaults": {key: value for key, value in fields["defaults"].items() if key != "custom"}}
        yield checked(f"{of}_fields", general, "NonNullable<Panel['fieldConfig']>")
        if "custom" in fields["defaults"]:
            if not KINDS[kind][1]:
                raise SystemExit(f"{name}, panel {panel['id']}: a {kind} has no custom fields")
            yield checked(f"{of}_custom", fields["defaults"]["custom"], f"{kind}.FieldConfig")


def main():
    out, *paths = sys.argv[1:]
    dashboards = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            dashboards[path.rsplit("/", 1)[-1].removesuffix(".json")] = json.load(file)
    kinds = {panel["type"] for board in dashboards.values() for panel in board["panels"]} - {"row"}
    with open(out, "w", encoding="utf-8") as file:
        file.write(HEAD)
        file.writelines(module(kind) for kind in sorted(kinds))
        for name, dashboard in dashboards.items():
            file.writelines(of_dashboard(name, dashboard))


if __name__ == "__main__":
    main()
