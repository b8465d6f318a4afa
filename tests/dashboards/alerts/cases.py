#!/usr/bin/env python3
"""Writes the promtool unit tests of all alerts: each fires when it should, with its labels and its words, and stays
silent when it should not.

    cases.py FOLDER     writes FOLDER/<alert>.yaml, one file an alert, for `promtool test rules`

The stories are in stories.py. What an alert says (annotations) is put together here from alerts.yaml, so that a story
holds only what changes: values in, labels and words out. An alert without a story for both ways is refused.
"""

import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(ROOT / "deploy" / "grafana"))

import alerts  # noqa: E402
from stories import STORIES  # noqa: E402

GROUPS = ("rates", "service", "shop-alerts", "service-alerts")


def said(text, labels, value):
    """A template of ours with its labels and its value put in; `value` by the function that the template names."""

    def put(found):
        name = found[1].strip()
        if name.startswith("$labels."):
            return labels.get(name.removeprefix("$labels."), "")
        if name not in value:
            raise SystemExit(f"a story does not say what `{name}` reads")
        return value[name]

    return re.sub(r"\{\{(.*?)\}\}", put, text)


def expected(alert, fires):
    facts = {key: text for key, text in alert.facts.items() if key not in ("for", "severity")}
    labels = {"severity": alert.facts["severity"], **fires["labels"]}
    lines = ["          - exp_labels:"]
    lines += [f"              {key}: {quoted(text)}" for key, text in labels.items()]
    lines += ["            exp_annotations:"]
    lines += [
        f"              {key}: {quoted(said(text, labels, fires.get('says', {})))}" for key, text in facts.items()
    ]
    return lines


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def test(alert, story):
    lines = [f"  - name: {quoted(story['name'])}", f"    interval: {story.get('every', '1m')}", "    input_series:"]
    for series, values in story["given"].items():
        lines += [f"      - series: {quoted(series)}", f"        values: {quoted(values)}"]
    lines += ["    alert_rule_test:"]
    for at, fires in story["then"].items():
        lines += [f"      - eval_time: {at}", f"        alertname: {alert.name}"]
        lines += (
            ["        exp_alerts:", *(line for one in fires for line in expected(alert, one))]
            if fires
            else ["        exp_alerts: []"]
        )
    return lines


def written(alert, stories):
    fires = [any(story["then"].values()) for story in stories]
    if not any(fires) or all(fires):
        raise SystemExit(f"{alert.name} needs a story in which it fires and one in which it never does")
    lines = ["rule_files:", f"  - {alerts.RULES}", f"  - {alerts.ALERTS}"]
    # Alerts after what they are made of; promtool takes groups in any order else.
    lines += ["group_eval_order:", *(f"  - homecoming-{group}" for group in GROUPS)]
    lines += [f"evaluation_interval: {stories[0].get('rules_every', '1m')}", "tests:"]
    for story in stories:
        lines += test(alert, story)
    return "\n".join(lines) + "\n"


def main():
    folder = Path(sys.argv[1])
    known = alerts.read()
    strangers = set(STORIES) - {alert.name for alert in known}
    if strangers:
        raise SystemExit(f"stories of no alert: {', '.join(sorted(strangers))}")
    for alert in known:
        if alert.name not in STORIES:
            raise SystemExit(f"{alert.name} has no story")
        (folder / f"{alert.name}.yaml").write_text(written(alert, STORIES[alert.name]), encoding="utf-8")
    print(f"{len(known)} alerts, {sum(map(len, STORIES.values()))} stories")


if __name__ == "__main__":
    main()
