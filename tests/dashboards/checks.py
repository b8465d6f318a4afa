#!/usr/bin/env python3
"""Asks a real Prometheus every expression of rules, alerts and dashboards, and the targets what they export.

    checks.py --prometheus URL --target HOST:PORT [--target …] [--real]

1. Every expression returns data: recording rules and panels as they are, alerts with their comparisons turned into 0
   or 1, so that a healthy shop answers too. A legend that names a label nobody has, an unset variable and a panel that
   is nothing but NaN count as failures.
2. Every metric that the targets export is used by a rule, an alert or a panel, or stands in unused.txt with a reason;
   and nothing is used that nobody exports.
3. What recording rules say is what the same sum over sum of the raw metrics says.
4. With --real, the targets are the service itself: they export what the made-up shop does, with the same labels.

Standard library only.
"""

import argparse
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
GRAFANA = HERE.parent.parent / "deploy" / "grafana"
sys.path[:0] = [str(HERE), str(GRAFANA)]
sys.dont_write_bytecode = True

import alerts as alerts_file  # noqa: E402
import exporter  # noqa: E402
from rules import METRIC, SUFFIXES, of_scrapes  # noqa: E402

OWN = ("up", "ALERTS")  # of Prometheus itself
# What may rightly have nothing to say of a service that is well: no alert is pending, no partition came back yet. The
# made-up shop has all of it.
MAY_BE_QUIET = re.compile(r"ALERTS\{|homecoming_partition_stood_still_seconds_bucket")
# A window wide enough for the scrapes of a short run.
RECENT = 90.0


class Prometheus:
    def __init__(self, url):
        self.url = url

    def ask(self, path, **parameters):
        question = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(question, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            raise ValueError(json.load(refusal).get("error", refusal.reason)) from refusal

    def points(self, expression, instant):
        """The series of an answer: (labels, values as text)."""
        now = time.time()
        if instant:
            result = self.ask("query", query=expression, time=now)["result"]
            return [(series["metric"], [series["value"][1]]) for series in result]
        result = self.ask("query_range", query=expression, start=now - RECENT, end=now, step=10)["result"]
        return [(series["metric"], [value for _, value in series["values"]]) for series in result]


class Report:
    def __init__(self, real=False):
        self.wrong, self.real = 0, real

    def fail(self, sentence):
        self.wrong += 1
        print(f"FAILED  {sentence}")


# --- 1: every expression returns data -------------------------------------------------------------------------------


def answers(report, prometheus, where, expression, instant=True, legend=""):
    try:
        series = prometheus.points(expression, instant)
    except ValueError as refusal:
        return report.fail(f"{where}: {refusal}\n        {expression}")
    values = [value for _, points in series for value in points]
    if not values or all(value == "NaN" for value in values):
        if report.real and MAY_BE_QUIET.search(expression):
            return print(f"quiet   {where}")
        return report.fail(f"{where}: {'only NaN' if values else 'no data'}\n        {expression}")
    for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", legend):
        if not all(label in labels for labels, _ in series):
            report.fail(f"{where}: the legend names `{label}`, which a series has not")
    return None


def always(expression):
    """An alert's expression, answering whether it fires or not: comparisons give 0 or 1 and what is to be missing is
    there. A past further back than this Prometheus is old is read as now."""
    parts = re.split(r"(\{[^}]*\})", expression)  # what stands in braces compares labels
    parts[::2] = [re.sub(r"(<=|>=|==|!=|<|>)", r"\1 bool ", part) for part in parts[::2]]
    return at_hand("".join(parts).replace("absent(", "count(").replace("unless", "and"))


def at_hand(expression):
    return re.sub(r"offset \d+[wmhd]", "offset 5s", expression)


def check_rules(report, prometheus):
    for rule in alerts_file.read(alerts_file.RULES):
        answers(report, prometheus, f"rule {rule.name}", rule.expression)
        answers(report, prometheus, f"recorded {rule.name}", rule.name)
    for alert in alerts_file.read():
        answers(report, prometheus, f"alert {alert.name}", always(alert.expression))
    loaded = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    for rule in loaded:
        if rule["health"] != "ok":
            report.fail(f"Prometheus says of {rule['name']}: {rule['health']} {rule.get('lastError', '')}")
    return len(loaded)


# --- dashboards -----------------------------------------------------------------------------------------------------


def put_in(expression, values):
    scrape = {"__rate_interval": "1m", "__interval": "15s", "__range": "15m"}
    for name, value in {**scrape, **values}.items():
        expression = re.sub(rf"\$\{{{name}\}}|\${name}\b", lambda _, text=value: text, expression)
    return expression


def variables(report, prometheus, dashboard):
    values = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
        found = prometheus.ask(
            f"label/{label}/values", **{"match[]": put_in(metric, values), "start": time.time() - RECENT}
        )
        if not found:
            report.fail(f"{dashboard['uid']}: variable `{variable['name']}` has no values")
            continue
        wanted = variable["current"].get("value")
        one = wanted if wanted in found else found[0]
        values[variable["name"]] = "|".join(found) if variable["multi"] else one
    return values


def read_dashboards():
    return [json.loads((GRAFANA / name).read_text(encoding="utf-8")) for name in ("retention.json", "service.json")]


def check_dashboards(report, prometheus, dashboards):
    asked = 0
    for dashboard in dashboards:
        values = variables(report, prometheus, dashboard)
        if report.wrong and not values:
            continue  # nothing can be asked without them
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                asked += 1
                where = f"{dashboard['uid']}, panel {panel['id']} `{panel['title']}`, {target['refId']}"
                expression = at_hand(put_in(target["expr"], values))
                answers(
                    report, prometheus, where, expression, target.get("instant", False), target.get("legendFormat", "")
                )
        for annotation in dashboard["annotations"]["list"]:
            asked += 1
            expression = put_in(annotation["expr"], values)
            # A mark is there only when something happened: what it looks at must be there always.
            expression = expression.replace(', alertstate="firing"', "").replace("> 0", ">= 0")
            answers(report, prometheus, f"{dashboard['uid']}, annotation `{annotation['name']}`", expression, False)
    return asked


# --- 2: used and exported -------------------------------------------------------------------------------------------


def exported(targets):
    """Family -> (kind, set of its label names), over all targets, histograms as one."""
    found = {}
    for target in targets:
        with urllib.request.urlopen(f"http://{target}/metrics", timeout=30) as answer:
            read_families(answer.read().decode(), found)
    return found


def read_families(text, found):
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    for name, kind in kinds.items():
        found.setdefault(name, (kind, set()))
    for name, labels in re.findall(r"^([a-z_]\w*)(?:\{([^}]*)\})? ", text, re.M):
        family = name if name in kinds else SUFFIXES.sub("", name)
        if family not in found:
            found[family] = ("untyped", set())
        found[family][1].update(set(re.findall(r'(\w+)="', labels)) - {"le"})
    return found


def unused_with_reason():
    lines = (HERE / "unused.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def check_uses(report, targets, dashboards):
    recording = {rule.name: rule.expression for rule in alerts_file.read(alerts_file.RULES)}
    spoken = [
        *recording.values(),
        *(alert.expression for alert in alerts_file.read()),
        *(target["expr"] for board in dashboards for panel in board["panels"] for target in panel.get("targets", [])),
        *(annotation["expr"] for board in dashboards for annotation in board["annotations"]["list"]),
    ]
    used = set()
    for expression in spoken:
        unknown = {name for name in METRIC.findall(expression) if ":" in name} - set(recording)
        for name in sorted(unknown):
            report.fail(f"{name} is used, but nothing records it")
        used |= of_scrapes(expression, recording)
    there, reasons = exported(targets), unused_with_reason()
    for name in sorted(used - set(there) - set(OWN)):
        report.fail(f"{name} is used, but nobody exports it")
    for name in sorted(set(there) - used - set(reasons)):
        report.fail(f"{name} is exported, but used nowhere, and unused.txt gives no reason")
    for name in sorted(set(reasons) & used):
        report.fail(f"{name} stands in unused.txt, but is used")
    for name in sorted(set(reasons) - set(there)):
        report.fail(f"{name} stands in unused.txt, but nobody exports it")
    return len(there)


# --- 3: recorded is what the raw metrics say ------------------------------------------------------------------------


def check_agreement(report, prometheus):
    """All rates of one evaluation, recorded and summed here from the raw numerators and denominators."""
    recorded = prometheus.ask("query", query="timestamp(job_rate_window:homecoming_rate:ratio)")["result"]
    if not recorded:
        return report.fail("nothing is recorded yet")
    at = max(float(series["value"][1]) for series in recorded)
    sums = {}
    for part in ("numerator", "denominator"):
        for series in prometheus.ask("query", query=f"homecoming_rate_{part}", time=at)["result"]:
            of = sums.setdefault((series["metric"]["rate"], series["metric"]["window"]), {})
            of[part] = of.get(part, 0.0) + float(series["value"][1])
    said = prometheus.ask("query", query="job_rate_window:homecoming_rate:ratio", time=at)["result"]
    for series in said:
        rate = (series["metric"]["rate"], series["metric"]["window"])
        own = sums[rate]["numerator"] / sums[rate]["denominator"]
        if abs(own - float(series["value"][1])) > 1e-12:
            report.fail(f"{rate} is {own} by the raw metrics, and recorded as {series['value'][1]}")
    if {rate for rate, of in sums.items() if of["denominator"]} != {
        (series["metric"]["rate"], series["metric"]["window"]) for series in said
    }:
        report.fail("the rates recorded are not those exported")
    return None


# --- 4: the made-up shop is like the service ------------------------------------------------------------------------


def check_likeness(report, targets):
    there = exported(targets)
    made_up = read_families(exporter.text(exporter.Instance(0, time.time()), time.time()), {})
    for name in sorted(there.keys() | made_up.keys()):
        if there.get(name) != made_up.get(name):
            report.fail(f"{name}: the service exports {there.get(name)}, the made-up shop {made_up.get(name)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prometheus", required=True, metavar="URL")
    parser.add_argument("--target", action="append", required=True, metavar="HOST:PORT")
    parser.add_argument("--real", action="store_true", help="the targets are the service, not the made-up shop")
    options = parser.parse_args()
    report, prometheus, dashboards = Report(options.real), Prometheus(options.prometheus), read_dashboards()
    loaded = check_rules(report, prometheus)
    asked = check_dashboards(report, prometheus, dashboards)
    there = check_uses(report, options.target, dashboards)
    check_agreement(report, prometheus)
    if options.real:
        check_likeness(report, options.target)
    print(f"{loaded} rules, {asked} queries of dashboards, {there} metrics exported: {report.wrong} failures")
    return int(report.wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
