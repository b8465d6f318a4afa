#!/usr/bin/env python3
"""Writes homecoming.json, the Grafana dashboard of what homecoming measures.

    generate.py            writes the file beside this script
    generate.py --check    exit 1 and a diff if that file is not what this script writes

Standard library only. A ratio is always sum(numerator) / sum(denominator), so it stays right however many
instances share the partitions. A panel without a unit or a description is refused.
"""

import difflib
import json
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("homecoming.json")
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
SELECTED = 'job=~"$job", instance=~"$instance"'

# What small and medium shops are judged by: below the floor is poor, the goal is what to aim for.
REPEAT_RATE_FLOOR = 0.1987
REPEAT_RATE_GOAL = 0.27

GREEN, YELLOW, ORANGE, RED = "green", "yellow", "orange", "red"
BLUE, PURPLE, GREY = "blue", "purple", "#8e8e8e"

FULL_WIDTH = 24
# Grafana shortens large numbers in the first two (12.3 K) and prints the last as it is.
COUNT = "short"
EVENTS_PER_SECOND = "eps"
PER_SECOND = "suffix:/s"


# --- PromQL ---------------------------------------------------------------------------------------------------------


def series(metric, *matchers):
    return f"{metric}{{{', '.join([SELECTED, *matchers])}}}"


def per_second(metric, *matchers):
    return f"rate({series(metric, *matchers)}[$__rate_interval])"


def total(expression, by=None):
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"


def ratio(numerator, denominator):
    # Nobody yet is no rate at all: an empty answer reads better than NaN.
    return f"{total(series(numerator))} / ({total(series(denominator))} > 0)"


def quantile(q, histogram, by=None):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, {total(per_second(histogram + '_bucket'), labels)})"


def of_homecoming(expression):
    # process_* metrics bear no prefix of ours: keep those of the instances that also publish homecoming metrics.
    return f"{expression} and on (job, instance) {series('homecoming_partitions_assigned')}"


# --- Panels ---------------------------------------------------------------------------------------------------------


def query(expression, legend=""):
    return {"expr": expression, "legendFormat": legend or "__auto"}


def levels(*steps):
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in steps]}


CALM = levels((GREEN, None))
REPEAT_RATE_LEVELS = levels((RED, None), (YELLOW, REPEAT_RATE_FLOOR), (GREEN, REPEAT_RATE_GOAL))


def by_name(name, **properties):
    matcher = {"id": "byName", "options": name}
    return {"matcher": matcher, "properties": [{"id": key, "value": value} for key, value in properties.items()]}


def by_pattern(pattern, properties):
    matcher = {"id": "byRegexp", "options": pattern}
    return {"matcher": matcher, "properties": [{"id": key, "value": value} for key, value in properties.items()]}


def painted(colors):
    return [by_name(name, color={"mode": "fixed", "fixedColor": color}) for name, color in colors.items()]


def panel(kind, title, description, unit, queries, options, defaults, overrides=()):
    if not (title and description and unit and queries):
        raise ValueError(f"panel `{title}` lacks a title, a description, a unit or a query")
    targets = [
        {"refId": chr(ord("A") + place), "datasource": PROMETHEUS, "editorMode": "code", "range": True, **asked}
        for place, asked in enumerate(queries)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": PROMETHEUS,
        "targets": targets,
        "options": options,
        "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": list(overrides)},
    }


LATEST = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def stat(title, description, unit, expression, color=BLUE, thresholds=None, when_empty="–", decimals=None):
    chosen = {"mode": "thresholds"} if thresholds else {"mode": "fixed", "fixedColor": color}
    defaults = {"color": chosen, "thresholds": thresholds or CALM, "noValue": when_empty, "mappings": [], "min": 0}
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value",
        "wideLayout": True,
        "reduceOptions": LATEST,
    }
    return panel("stat", title, description, unit, [query(expression)], options, defaults)


def gauge(title, description, unit, expression, thresholds, maximum):
    defaults = {
        "color": {"mode": "thresholds"},
        "thresholds": thresholds,
        "min": 0,
        "max": maximum,
        "decimals": 1,
        "noValue": "–",
        "mappings": [],
    }
    options = {
        "orientation": "auto",
        "reduceOptions": LATEST,
        "showThresholdLabels": True,
        "showThresholdMarkers": True,
        "sizing": "auto",
        "minVizHeight": 75,
        "minVizWidth": 75,
    }
    return panel("gauge", title, description, unit, [query(expression)], options, defaults)


def graph(
    title, description, unit, queries, *, colors=None, overrides=(), stacked=False, thresholds=None, latest=False,
    least=0, decimals=None,
):
    custom = {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1 if stacked else 2,
        "fillOpacity": 45 if stacked else 10,
        "gradientMode": "none" if stacked else "opacity",
        "showPoints": "never",
        "spanNulls": False,
        "axisPlacement": "auto",
        "axisBorderShow": False,
        "axisSoftMin": 0,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
    }
    calculations = ["lastNotNull"] if latest else []
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": calculations},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = {
        "color": {"mode": "palette-classic"},
        "custom": custom,
        "thresholds": thresholds or CALM,
        "mappings": [],
    }
    # None leaves it to Grafana: decimals as they fit, and no floor for what may fall below zero.
    if least is not None:
        defaults["min"] = least
    if decimals is not None:
        defaults["decimals"] = decimals
    return panel(
        "timeseries", title, description, unit, queries, options, defaults, [*painted(colors or {}), *overrides]
    )


# --- What the shop wants to know ------------------------------------------------------------------------------------

REPEAT_RATE = ratio("homecoming_ever_repeat_customers", "homecoming_ever_customers")
RETURNING_SHARE = ratio("homecoming_ever_returning_orders", "homecoming_ever_orders")


def customers(standing):
    return total(series("homecoming_customers", f'standing="{standing}"'))


def retention():
    yield [
        (6, 9, gauge(
            "Repeat purchase rate",
            "Customers with two or more orders, of all who ever ordered. Red below 19.87 %, the least that small and"
            " medium shops are judged by; green from 27 %, the goal.",
            "percentunit", REPEAT_RATE, REPEAT_RATE_LEVELS, maximum=0.6,
        )),
        (12, 9, graph(
            "Do they come back?",
            "Repeat purchase rate: customers with two or more orders, of all who ever ordered. Returning share: orders"
            " that are not the customer's first, of all orders. Both over the whole life of the shop. The dashed lines"
            " are the floor (19.87 %) and the goal (27 %) of the repeat purchase rate.",
            "percentunit",
            [query(REPEAT_RATE, "repeat purchase rate"), query(RETURNING_SHARE, "returning share of orders")],
            colors={"repeat purchase rate": GREEN, "returning share of orders": BLUE},
            thresholds=REPEAT_RATE_LEVELS, decimals=1, latest=True,
        )),
        (6, 3, stat(
            "Returning share of orders",
            "Orders that are not the customer's first, of all orders ever.",
            "percentunit", RETURNING_SHARE, BLUE, decimals=1,
        )),
        (6, 3, stat(
            "Active customers",
            "Customers whose last order is no longer ago than the activity horizon (90 days unless configured).",
            COUNT, customers("active"), GREEN,
        )),
        (6, 3, stat(
            "Lapsed customers",
            "Customers without an order for longer than the activity horizon (90 days unless configured).",
            COUNT, customers("lapsed"), ORANGE,
        )),
    ]
    yield [
        (8, 8, graph(
            "Customers",
            "Everybody who ever ordered: active with an order within the activity horizon, lapsed without.",
            COUNT,
            [query(total(series("homecoming_customers"), "standing"), "{{standing}}")],
            colors={"active": GREEN, "lapsed": ORANGE}, stacked=True,
        )),
        (8, 8, graph(
            "Came back, per hour",
            "Signals on returning-customers. second_purchase: the customer's second order; reactivated: after a silence"
            " longer than the activity horizon; repeat: every other return.",
            COUNT,
            [query(
                total(per_second("homecoming_signals_total", 'type="returning_customer"'), "kind") + " * 3600",
                "{{kind}}",
            )],
            colors={"second_purchase": GREEN, "repeat": BLUE, "reactivated": PURPLE}, stacked=True,
        )),
        (8, 8, graph(
            "Went silent and cleared, per hour",
            "Signals on churn-risk. raised: the customer left the level low (so far by lapsing, the one other level"
            " there is); cleared: the customer is back at low, by ordering again.",
            COUNT,
            [query(
                total(per_second("homecoming_signals_total", 'type="churn_risk"'), "kind") + " * 3600", "{{kind}}"
            )],
            colors={"raised": ORANGE, "changed": YELLOW, "cleared": GREEN},
        )),
    ]


# --- What who runs it wants to know ---------------------------------------------------------------------------------

EVENTS = per_second("homecoming_events_total")
LAG = series("homecoming_lag_records")
WATERMARK_DELAY = f"time() - {series('homecoming_watermark_seconds')}"


def service():
    yield [
        (4, 4, stat(
            "Events",
            "Events read per second, whatever became of them.",
            EVENTS_PER_SECOND, total(EVENTS), BLUE,
        )),
        (4, 4, stat(
            "Lag",
            "Records in the input topics that are not yet worked, over all partitions. The colours are a starting"
            " point: yellow from 10,000, red from 100,000.",
            COUNT, total(LAG), thresholds=levels((GREEN, None), (YELLOW, 10_000), (RED, 100_000)),
        )),
        (4, 4, stat(
            "End to end, p99",
            "99 of 100 events are through faster than this: from their arrival in Kafka to the commit of all that"
            " follows from them. Yellow from 1 s, red from 10 s.",
            "s", quantile(0.99, "homecoming_end_to_end_seconds"),
            thresholds=levels((GREEN, None), (YELLOW, 1), (RED, 10)),
        )),
        (4, 4, stat(
            "Dead letters, per minute",
            "Records per minute that could not be used and went to the dead-letter topic.",
            COUNT, total(per_second("homecoming_dead_letters_total")) + " * 60",
            thresholds=levels((GREEN, None), (YELLOW, 0.01), (RED, 60)), when_empty="none",
        )),
        (4, 4, stat(
            "Left to restore",
            "State records still to be read before the assigned partitions are worked. 0: everything is restored.",
            COUNT, total(series("homecoming_restore_remaining_records")),
            thresholds=levels((GREEN, None), (BLUE, 1)),
        )),
        (4, 4, stat(
            "Partitions",
            "Partitions assigned to the chosen instances. Over all instances of a group this is the number of"
            " partitions of the input topics; less means that some are worked by nobody.",
            COUNT, total(series("homecoming_partitions_assigned")), PURPLE,
        )),
    ]
    yield [
        (8, 8, graph(
            "Events by outcome",
            "What became of the events: applied; duplicate (seen before, counted once); late and too_late (behind the"
            " partition's time, too_late beyond the 460 days that are kept by day); rejected (dead-lettered).",
            EVENTS_PER_SECOND,
            [query(total(EVENTS, "outcome"), "{{outcome}}")],
            colors={"applied": GREEN, "duplicate": BLUE, "late": YELLOW, "too_late": ORANGE, "rejected": RED},
            stacked=True,
        )),
        (8, 8, graph(
            "Lag by source",
            "Records in each input topic that are not yet worked.",
            COUNT,
            [query(total(LAG, "source"), "{{source}}")],
            colors={"purchases": BLUE, "support": PURPLE, "contacts": GREEN}, latest=True,
        )),
        (8, 8, graph(
            "Watermark delay",
            "How far the event time of the partitions is behind the wall clock: the slowest and the fastest of them."
            " Never much below the allowed lateness (1 hour unless configured); large while history is being read.",
            "s",
            [query(f"max({WATERMARK_DELAY})", "slowest"), query(f"min({WATERMARK_DELAY})", "fastest")],
            colors={"slowest": ORANGE, "fastest": GREEN}, least=None, latest=True,
        )),
    ]
    yield [
        (8, 8, graph(
            "End to end",
            "From an event's arrival in Kafka to the commit of all that follows from it: half of the events are"
            " through faster than p50, 99 of 100 faster than p99.",
            "s",
            [query(quantile(q, "homecoming_end_to_end_seconds"), name) for q, name in ((0.5, "p50"), (0.99, "p99"))],
            colors={"p50": GREEN, "p99": ORANGE}, latest=True,
        )),
        (8, 8, graph(
            "Commit by phase",
            "The three steps of a commit: drain (waiting until the broker has the batch's records), offsets (adding"
            " the input offsets to the transaction), end (ending it). Solid p99, dashed p50.",
            "s",
            [
                query(quantile(q, "homecoming_commit_duration_seconds", "phase"), f"{{{{phase}}}} {name}")
                for q, name in ((0.99, "p99"), (0.5, "p50"))
            ],
            colors={
                f"{phase} {name}": color
                for phase, color in (("drain", BLUE), ("offsets", PURPLE), ("end", GREEN))
                for name in ("p99", "p50")
            },
            overrides=[by_pattern("/ p50$/", {
                "custom.lineStyle": {"fill": "dash", "dash": [4, 4]},
                "custom.fillOpacity": 0,
                "custom.lineWidth": 1,
            })],
        )),
        (8, 8, graph(
            "Commits by outcome",
            "Transactions per second. aborted: nothing of the batch is visible to readers, and it is done again;"
            " unknown: the broker's answer was lost, so it was asked what became of the transaction.",
            PER_SECOND,
            [query(total(per_second("homecoming_commits_total"), "outcome"), "{{outcome}}")],
            colors={"committed": GREEN, "aborted": ORANGE, "unknown": RED},
        )),
    ]
    yield [
        (6, 7, graph(
            "Dead letters by code, per minute",
            "Records per minute that could not be used, by the reason that stands in their header error.code.",
            COUNT,
            [query(total(per_second("homecoming_dead_letters_total"), "code") + " * 60", "{{code}}")],
            stacked=True,
        )),
        (6, 7, graph(
            "Restore",
            "Left: state records still to be read. Right: how many are read per second. An assigned partition is"
            " worked once nothing is left.",
            COUNT,
            [
                query(total(series("homecoming_restore_remaining_records")), "left to restore"),
                query(total(per_second("homecoming_restored_records_total")), "restored"),
            ],
            colors={"left to restore": ORANGE, "restored": BLUE},
            overrides=[by_name("restored", unit=PER_SECOND, **{"custom.axisPlacement": "right"})],
        )),
        (6, 7, graph(
            "Memory",
            "Resident memory of each process: mostly the customers of its partitions.",
            "bytes",
            [query(of_homecoming(series("process_resident_memory_bytes")), "{{instance}}")],
            latest=True,
        )),
        (6, 7, graph(
            "CPU",
            "CPU cores that each process keeps busy.",
            "suffix:cores",
            [query(of_homecoming(per_second("process_cpu_seconds_total")), "{{instance}}")],
            decimals=2, latest=True,
        )),
    ]


# --- The whole ------------------------------------------------------------------------------------------------------


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": []}


def laid_out(sections):
    """Left to right, top to bottom; panels that are lower than their line's first one stack in its last column."""
    placed, y = [], 0

    def place(drawn, x, y, width, height):
        position = {"x": x, "y": y, "w": width, "h": height}
        placed.append({"id": len(placed) + 1, "gridPos": position, **drawn})

    for title, lines in sections:
        place(row(title), 0, y, FULL_WIDTH, 1)
        y += 1
        for line in lines:
            line_height, x, down = line[0][1], 0, 0
            for width, height, drawn in line:
                place(drawn, x, y + down, width, height)
                down += height
                if down >= line_height:
                    x, down = x + width, 0
            if (x, down) != (FULL_WIDTH, 0):
                raise ValueError(f"a line of `{title}` does not fill the width")
            y += line_height
    return placed


def label_variable(name, label, source, description):
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": PROMETHEUS,
        "query": {"qryType": 1, "query": source, "refId": f"variable-{name}"},
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "options": [],
        "hide": 0,
    }


def variables():
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
    anchor = "homecoming_partitions_assigned"
    jobs = f"label_values({anchor}, job)"
    instances = f'label_values({anchor}{{job=~"$job"}}, instance)'
    yield label_variable("job", "Job", jobs, "One job is one shop: choose one, for the rates of two shops say little")
    yield label_variable("instance", "Instance", instances, "Rates hold for the partitions of the instances chosen")


def annotation(name, expression, title, color):
    return {
        "name": name,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "datasource": PROMETHEUS,
        "expr": expression,
        "step": "15s",
        "tagKeys": "instance",
        "titleFormat": title,
        "textFormat": "{{instance}}",
        "useValueForTime": False,
    }


def annotations():
    moved = f"changes({series('homecoming_partitions_assigned')}[$__rate_interval]) > 0"
    yield annotation("Partitions moved", moved, "Partitions moved", PURPLE)
    started = f"changes({series('process_start_time_seconds')}[$__rate_interval]) > 0"
    yield annotation("Restart", of_homecoming(started), "Restarted", GREY)


def dashboard():
    return {
        "uid": "homecoming",
        "title": "homecoming",
        "description": "Who came back, who went silent, and how the service that tells is doing",
        "tags": ["homecoming", "kafka", "retention"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "refresh": "10s",
        "links": [],
        "annotations": {"list": list(annotations())},
        "templating": {"list": list(variables())},
        "panels": laid_out([("Retention", retention()), ("Service", service())]),
    }


def rendered():
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


def main(arguments):
    if arguments not in ([], ["--check"]):
        print("usage: generate.py [--check]", file=sys.stderr)
        return 2
    wanted = rendered()
    if not arguments:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    found = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    difference = difflib.unified_diff(
        found.splitlines(True), wanted.splitlines(True), f"{TARGET.name} (committed)", f"{TARGET.name} (generated)"
    )
    sys.stdout.writelines(difference)
    return int(found != wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
