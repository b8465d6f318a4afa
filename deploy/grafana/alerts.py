"""What alerts.yaml says, as far as the dashboards need it. Read line by line: the standard library knows no YAML."""

import re
from dataclasses import dataclass, field
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent
RULES, ALERTS = DEPLOY / "prometheus" / "rules.yaml", DEPLOY / "prometheus" / "alerts.yaml"
PAGES = DEPLOY.parent / "docs" / "runbooks"
# Where docs/runbooks can be read: stands for an address of yours, see deploy/README.md.
RUNBOOKS = "https://homecoming.example/docs/runbooks"

# Keys that hold others, of a group or a rule.
GROUPING = ("groups", "rules", "labels", "annotations")


@dataclass
class Rule:
    """An alert or a recording rule: its name, its expression in one line, and for an alert the rest by its key."""

    name: str
    expression: str = ""
    facts: dict = field(default_factory=dict)

    def panel(self):
        """(uid, panel) that the alert leads to, None where its link says neither."""
        found = re.search(r"/d/([\w-]+)\?viewPanel=(\d+)", self.facts.get("dashboard_url", ""))
        return (found[1], int(found[2])) if found else None


def read(path=ALERTS):
    """The rules of a file, in its order."""
    found, folded = [], None
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        begun = re.match(r"- (?:alert|record): (\S+)$", text)
        entry = re.match(r"(\w+):(?: (.*))?$", text)
        if begun:
            found.append(Rule(begun[1]))
            folded = None
        elif folded and len(line) - len(line.lstrip()) > folded[1]:
            found[-1].facts[folded[0]] = f"{found[-1].facts[folded[0]]} {text}".strip()
        elif found and entry and entry[1] not in GROUPING:
            is_folded = entry[2] == ">-"
            folded = (entry[1], len(line) - len(line.lstrip())) if is_folded else None
            found[-1].facts[entry[1]] = "" if is_folded else (entry[2] or "").strip('"')
        elif not text.startswith("#"):
            folded = None
    for rule in found:
        rule.expression = rule.facts.pop("expr", "")
    return found


def links(known, uid):
    """Of a dashboard: panel -> links to the runbooks of the alerts that lead to it."""
    by_panel = {}
    for alert in known:
        target = alert.panel()
        if target and target[0] == uid:
            link = {"title": f"Runbook: {alert.name}", "url": alert.facts["runbook_url"], "targetBlank": True}
            by_panel.setdefault(target[1], []).append(link)
    return by_panel
