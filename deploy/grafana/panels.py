"""What both dashboards are made of: PromQL, colours, panels, their places, variables. Standard library only."""

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
SELECTED = 'job=~"$job", instance=~"$instance"'
FULL_WIDTH = 24

# Okabe and Ito's palette: told apart by the colour-blind too. One meaning each, on both dashboards.
GOOD, WATCH, BAD, BEST = "#009E73", "#E69F00", "#D55E00", "#56B4E9"
FIRST, SECOND, THIRD, GREY = "#56B4E9", "#CC79A7", "#009E73", "#8e8e8e"

# Grafana shortens large numbers in the first (12.3 K) and prints the second as it is.
COUNT, WHOLE = "short", "locale"
SHARE = "percentunit"
PER_SECOND = "suffix:/s"


# --- PromQL ---------------------------------------------------------------------------------------------------------


def series(metric, *matchers):
    return f"{metric}{{{', '.join([SELECTED, *matchers])}}}"


def per_second(metric, *matchers):
    return f"rate({series(metric, *matchers)}[$__rate_interval])"


def per_minute(metric, by=None, *matchers):
    return total(per_second(metric, *matchers), by) + " * 60"


def per_hour(metric, by=None, *matchers):
    return total(per_second(metric, *matchers), by) + " * 3600"


def total(expression, by=None):
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"


def divided(numerator, denominator, by=None):
    """Sum over sum, never an average of ratios. Nobody yet is no ratio: an empty answer reads better than NaN."""
    return f"{total(numerator, by)} / ({total(denominator, by)} > 0)"


def quantile(q, histogram, by=None):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, {total(per_second(histogram + '_bucket'), labels)})"


def of_homecoming(expression):
    # process_* metrics bear no prefix of ours: keep those of the instances that also publish homecoming metrics.
    return f"{expression} and on (job, instance) {series('homecoming_partitions_assigned')}"


# --- Queries and fields ---------------------------------------------------------------------------------------------


def query(expression, legend=""):
    return {"expr": expression, "legendFormat": legend or "__auto", "range": True}


def latest(expression, legend=""):
    """As of the end of the time chosen."""
    return {"expr": expression, "legendFormat": legend or "__auto", "instant": True, "range": False}


def rows(expression):
    """A table: one row a series, one column a label."""
    return {**latest(expression), "format": "table"}


def levels(*steps):
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in steps]}


CALM = levels((GOOD, None))


def by_name(name, **properties):
    matcher = {"id": "byName", "options": name}
    return {"matcher": matcher, "properties": [{"id": key, "value": value} for key, value in properties.items()]}


def by_pattern(pattern, properties):
    matcher = {"id": "byRegexp", "options": pattern}
    return {"matcher": matcher, "properties": [{"id": key, "value": value} for key, value in properties.items()]}


def painted(colors):
    return [by_name(name, color={"mode": "fixed", "fixedColor": color}) for name, color in colors.items()]


def dashed(pattern):
    return by_pattern(
        pattern,
        {
            "custom.lineStyle": {"fill": "dash", "dash": [6, 4]},
            "custom.fillOpacity": 0,
            "custom.lineWidth": 1,
        },
    )


# --- Panels ---------------------------------------------------------------------------------------------------------


def panel(kind, title, description, unit, queries, options, defaults, overrides=(), transformations=()):
    if not (title and description and unit and queries):
        raise ValueError(f"panel `{title}` lacks a title, a description, a unit or a query")
    targets = [
        {"refId": chr(ord("A") + place), "datasource": PROMETHEUS, "editorMode": "code", **asked}
        for place, asked in enumerate(queries)
    ]
    drawn = {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": PROMETHEUS,
        "targets": targets,
        "options": options,
        "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": list(overrides)},
    }
    return {**drawn, "transformations": list(transformations)} if transformations else drawn


LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def stat(title, description, unit, expression, color=FIRST, thresholds=None, when_empty="–", decimals=None):
    chosen = {"mode": "thresholds"} if thresholds else {"mode": "fixed", "fixedColor": color}
    defaults = {"color": chosen, "thresholds": thresholds or CALM, "noValue": when_empty, "mappings": []}
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value",
        "wideLayout": True,
        "reduceOptions": LAST,
    }
    return panel("stat", title, description, unit, [query(expression)], options, defaults)


def bars(title, description, unit, queries, colors=None, color=FIRST, maximum=None, decimals=None):
    """One bar a query, in their order, with its number."""
    defaults = {
        "color": {"mode": "fixed", "fixedColor": color},
        "thresholds": CALM,
        "min": 0,
        "noValue": "–",
        "mappings": [],
    }
    if maximum is not None:
        defaults["max"] = maximum
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "valueMode": "color",
        "namePlacement": "auto",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizHeight": 14,
        "minVizWidth": 8,
        "maxVizHeight": 40,
        "reduceOptions": LAST,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
    }
    return panel("bargauge", title, description, unit, queries, options, defaults, painted(colors or {}))


def graph(
    title,
    description,
    unit,
    queries,
    *,
    colors=None,
    overrides=(),
    stacked=False,
    thresholds=None,
    latest=False,
    least=0,
    most=None,
    soft=None,
    decimals=None,
):
    # `soft`: how high the axis goes at least, so that nothing but 0 does not look like 0 of 100.
    custom = {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1 if stacked else 2,
        "fillOpacity": 45 if stacked else 8,
        "gradientMode": "none" if stacked else "opacity",
        "showPoints": "never",
        "spanNulls": False,
        "axisPlacement": "auto",
        "axisBorderShow": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
    }
    if soft is not None:
        custom["axisSoftMax"] = soft
    options = {
        "legend": {
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": True,
            "calcs": ["lastNotNull"] if latest else [],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = {
        "color": {"mode": "palette-classic"},
        "custom": custom,
        "thresholds": thresholds or CALM,
        "mappings": [],
    }
    # None leaves it to Grafana: decimals as they fit, and no floor for what may fall below zero.
    bounds = {"min": least, "max": most, "decimals": decimals}
    defaults.update({key: value for key, value in bounds.items() if value is not None})
    return panel(
        "timeseries", title, description, unit, queries, options, defaults, [*painted(colors or {}), *overrides]
    )


def heatmap(title, description, unit, histogram):
    """How many observations a second fell into each bucket, over time."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Blues",
            "fill": FIRST,
            "exponent": 0.5,
            "steps": 32,
            "scale": "exponential",
            "reverse": False,
        },
        "cellValues": {"unit": PER_SECOND},
        "exemplars": {"color": WATCH},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }
    asked = {**query(total(per_second(f"{histogram}_bucket"), "le"), "{{le}}"), "format": "heatmap"}
    defaults = {"custom": {"hideFrom": {"legend": False, "tooltip": False, "viz": False}}}
    return panel("heatmap", title, description, unit, [asked], options, defaults)


def table(title, description, unit, asked, transformations, overrides=(), custom=None, defaults=None):
    options = {"cellHeight": "sm", "showHeader": True}
    custom = {"align": "auto", "inspect": False, **(custom or {})}
    defaults = {"custom": custom, "thresholds": CALM, "mappings": [], "noValue": "", **(defaults or {})}
    return panel("table", title, description, unit, [asked], options, defaults, overrides, transformations)


# --- The whole ------------------------------------------------------------------------------------------------------


def laid_out(sections, links):
    """Left to right, top to bottom; panels that are lower than their line's first one stack in its last column.

    A panel's number is its own for good, as alerts point at it; rows count from 901.
    """
    placed, y = [], 0

    def place(drawn, number, x, y, width, height):
        position = {"x": x, "y": y, "w": width, "h": height}
        named = {"id": number, "gridPos": position, **drawn}
        placed.append({**named, "links": links[number]} if links.get(number) else named)

    for row, (title, lines) in enumerate(sections, 901):
        place({"type": "row", "title": title, "collapsed": False, "panels": []}, row, 0, y, FULL_WIDTH, 1)
        y += 1
        for line in lines:
            line_height, x, down = line[0][2], 0, 0
            for number, width, height, drawn in line:
                place(drawn, number, x, y + down, width, height)
                down += height
                if down >= line_height:
                    x, down = x + width, 0
            if (x, down) != (FULL_WIDTH, 0):
                raise ValueError(f"a line of `{title}` does not fill the width: {x}, {down}")
            y += line_height
    return placed


def label_variable(name, label, source, description, *, many=False, order=1, chosen=None):
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": PROMETHEUS,
        "query": {"qryType": 1, "query": source, "refId": f"variable-{name}"},
        "refresh": 2,
        "regex": "",
        "sort": order,
        "multi": many,
        "includeAll": many,
        "current": {"text": ["All"], "value": ["$__all"]} if many else chosen or {},
        "options": [],
        "hide": 0,
    }


ANCHOR = "homecoming_partitions_assigned"


def variables(more=()):
    yield {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "description": "The Prometheus that scrapes homecoming",
        "query": "prometheus",
        "regex": "",
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "current": {},
        "options": [],
        "hide": 0,
    }
    yield label_variable("job", "Job", f"label_values({ANCHOR}, job)", "One job is one shop")
    instances = f'label_values({ANCHOR}{{job=~"$job"}}, instance)'
    yield label_variable(
        "instance",
        "Instance",
        instances,
        "All, for the whole shop: an instance holds a share of the customers",
        many=True,
    )
    yield from more


def annotation(name, expression, title, color, keys="instance", text="{{instance}}"):
    return {
        "name": name,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "datasource": PROMETHEUS,
        "expr": expression,
        "step": "30s",
        "tagKeys": keys,
        "titleFormat": title,
        "textFormat": text,
        "useValueForTime": False,
    }


# ALERTS is Prometheus' own; HomecomingAbsent has no job, so none at all is accepted too.
ALERTS = 'ALERTS{alertname=~"Homecoming.*", job=~"$job|"'
FIRING = annotation("Alerts", ALERTS + ', alertstate="firing"}', "{{alertname}}", BAD, "severity", "{{alertname}}")


def dashboard(uid, title, description, sections, *, more_variables=(), annotations=(), links, runbooks, other, span):
    """`links`: of a panel's number, to runbooks. `other`: uid and title of the dashboard beside this one."""
    between = {"targetBlank": False, "keepTime": True, "includeVars": True, "asDropdown": False, "tags": []}
    outside = {**between, "targetBlank": True, "keepTime": False, "includeVars": False}
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["homecoming"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": span, "to": "now"},
        "timepicker": {},
        "refresh": "30s",
        "links": [
            {**between, "type": "link", "icon": "dashboard", "title": other[1], "tooltip": "", "url": f"/d/{other[0]}"},
            {**outside, "type": "link", "icon": "doc", "title": "Runbooks", "tooltip": "", "url": runbooks},
        ],
        "annotations": {"list": [FIRING, *annotations]},
        "templating": {"list": list(variables(more_variables))},
        "panels": laid_out(sections, links),
    }
