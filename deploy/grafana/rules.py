"""What every alert, runbook and panel keeps to. Each broken rule is a sentence that names the place.

The rules for panels are those that Grafana Labs' dashboard-linter publishes, as far as they apply here, and ours.
"""

import re

import alerts as alerts_file

SEVERITIES = ("critical", "warning", "info")
HEADINGS = ("## Meaning", "## Impact", "## Diagnosis", "## Mitigation")
METRIC = re.compile(r"\b(?:homecoming|process)_\w+|\b[a-z_]+:homecoming_\w+:\w+|\bup\b|\bALERTS\b")
SUFFIXES = re.compile(r"_(?:bucket|sum|count)$")
# Their labels are of the alert, not of a scrape.
NOT_SCRAPED = ("ALERTS",)


def broken(dashboards, alerts):
    """All sentences, in order; none when all is well."""
    recording = {rule.name: rule.expression for rule in alerts_file.read(alerts_file.RULES)}
    by_uid = {dashboard["uid"]: dashboard for dashboard in dashboards.values()}
    return [
        *(sentence for dashboard in dashboards.values() for sentence in of_dashboard(dashboard)),
        *(sentence for alert in alerts for sentence in of_alert(alert, by_uid, recording)),
        *of_pages(alerts),
        *of_recording(recording),
    ]


# --- Dashboards -----------------------------------------------------------------------------------------------------


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def of_dashboard(dashboard):
    where = dashboard["uid"]
    numbers = [panel["id"] for panel in dashboard["panels"]]
    titles = [panel["title"] for panel in dashboard["panels"]]
    if len(set(numbers)) != len(numbers):
        yield f"{where}: two panels have one number"
    if len(set(titles)) != len(titles):
        yield f"{where}: two panels have one title"
    if dashboard["editable"]:
        yield f"{where}: a dashboard that is written by a script is not editable"
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    for wanted in ("datasource", "job", "instance"):
        if wanted not in variables:
            yield f"{where}: there is no variable `{wanted}`"
    if variables.get("datasource", {}).get("type") != "datasource":
        yield f"{where}: the data source is not chosen by a variable"
    for variable in variables.values():
        if variable["type"] == "query" and variable["refresh"] != 2:
            yield f"{where}: variable `{variable['name']}` is not looked up again when the time changes"
    for panel in panels(dashboard):
        yield from of_panel(f"{where}, panel {panel['id']} `{panel['title']}`", panel, variables)


def of_panel(where, panel, variables):
    if not panel["title"] or not panel["description"].endswith("."):
        yield f"{where}: a panel has a title, and a description that ends with a full stop"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield f"{where}: there is no unit"
    if panel["datasource"]["uid"] != "${datasource}":
        yield f"{where}: the data source is fixed"
    for target in panel["targets"]:
        if target["datasource"]["uid"] != "${datasource}":
            yield f"{where}: the data source of {target['refId']} is fixed"
        yield from of_expression(where, target["expr"], variables)


def of_expression(where, expression, variables):
    selectors = re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expression)
    if not selectors:
        yield f"{where}: `{expression}` selects nothing"
    for metric, matchers in selectors:
        if 'job=~"$job' not in matchers:
            yield f"{where}: {metric} is not of the job chosen"
        if 'instance=~"$instance"' not in matchers and metric not in NOT_SCRAPED:
            yield f"{where}: {metric} is not of the instances chosen"
    bare = set(METRIC.findall(expression)) - {metric for metric, _ in selectors}
    for metric in sorted(bare):
        yield f"{where}: {metric} is asked for without a selector"
    if re.search(r"\b(?:rate|increase|irate|changes)\([^\[]*\[(?!\$__rate_interval\])", expression):
        yield f"{where}: a rate over a fixed time"
    for variable in re.findall(r"\$\{?(\w+)", expression):
        if variable not in variables and not variable.startswith("__") and not variable.isdigit():
            yield f"{where}: nobody sets ${variable}"
    if expression.count("(") != expression.count(")"):
        yield f"{where}: unbalanced brackets"


# --- Alerts and runbooks --------------------------------------------------------------------------------------------


def of_alert(alert, by_uid, recording):
    where = f"alert {alert.name}"
    for key in ("for", "severity", "summary", "description", "runbook_url", "dashboard_url"):
        if not alert.facts.get(key):
            yield f"{where}: there is no `{key}`"
    if alert.facts.get("severity") not in SEVERITIES:
        yield f"{where}: severity is one of {', '.join(SEVERITIES)}"
    if alert.facts.get("runbook_url") != f"{alerts_file.RUNBOOKS}/{alert.name}.md":
        yield f"{where}: its runbook is {alerts_file.RUNBOOKS}/{alert.name}.md"
    uid, number = alert.panel() or (None, None)
    if (alert.facts.get("__dashboardUid__"), alert.facts.get("__panelId__")) != (uid, str(number)):
        yield f"{where}: dashboard_url and the annotations for Grafana lead to different panels"
    panel = next((panel for panel in panels(by_uid.get(uid, {"panels": []})) if panel["id"] == number), None)
    if panel is None:
        yield f"{where}: there is no panel {number} on {uid}"
    elif not of_scrapes(alert.expression, recording) & of_scrapes(
        " ".join(t["expr"] for t in panel["targets"]), recording
    ):
        yield f"{where}: panel {number} on {uid} shows nothing that the alert is made of"


def of_scrapes(expression, recording):
    """The metrics behind an expression, recording rules followed to what they are made of."""
    found = set()
    for name in METRIC.findall(expression):
        found |= of_scrapes(recording[name], recording) if name in recording else {SUFFIXES.sub("", name)}
    return found


def of_pages(alerts):
    names = {f"{alert.name}.md" for alert in alerts}
    there = {page.name for page in alerts_file.PAGES.glob("Homecoming*.md")}
    for name in sorted(names - there):
        yield f"docs/runbooks/{name}: every alert has a page"
    for name in sorted(there - names):
        yield f"docs/runbooks/{name}: there is no such alert"
    for name in sorted(names & there):
        text = (alerts_file.PAGES / name).read_text(encoding="utf-8")
        headings = tuple(line for line in text.splitlines() if line.startswith("## "))
        if headings != HEADINGS or not text.startswith(f"# {name.removesuffix('.md')}\n"):
            yield f"docs/runbooks/{name}: the headings are the alert's name, {', '.join(HEADINGS)}"


def of_recording(recording):
    for name in recording:
        if not re.fullmatch(r"(?:job|instance)\w*:homecoming_\w+:\w+", name):
            yield f"rule {name}: names are level:metric:operations"
