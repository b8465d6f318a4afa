#!/usr/bin/env python3
"""Writes retention.json and service.json, the Grafana dashboards of what homecoming measures.

    generate.py            writes the files beside this script
    generate.py --check    exit 1 and a diff if those files are not what this script writes; exit 1 and a sentence for
                           everything that alerts, runbooks and panels do not keep to (rules.py)

Standard library only. A ratio is always sum(numerator) / sum(denominator), so it stays right however many instances
share the partitions. A panel without a unit or a description is refused.
"""

import difflib
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import alerts  # noqa: E402
import retention  # noqa: E402
import rules  # noqa: E402
import service  # noqa: E402

HERE = Path(__file__).resolve().parent
BUILDERS = {"retention.json": retention.build, "service.json": service.build}


def dashboards():
    """File name -> dashboard. A panel that alerts point at links to their runbooks."""
    known = alerts.read()
    built = {}
    for name, build in BUILDERS.items():
        uid = f"homecoming-{name.removesuffix('.json')}"
        built[name] = build(alerts.links(known, uid), alerts.RUNBOOKS)
        if built[name]["uid"] != uid:
            raise ValueError(f"{name} should have the uid {uid}")
    return built


def rendered(dashboard):
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def difference(name, wanted):
    target = HERE / name
    found = target.read_text(encoding="utf-8") if target.exists() else ""
    sides = f"{name} (committed)", f"{name} (generated)"
    return list(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), *sides))


def main(arguments):
    if arguments not in ([], ["--check"]):
        print("usage: generate.py [--check]", file=sys.stderr)
        return 2
    built = dashboards()
    if not arguments:
        for name, dashboard in built.items():
            (HERE / name).write_text(rendered(dashboard), encoding="utf-8")
    differences = [line for name, dashboard in built.items() for line in difference(name, rendered(dashboard))]
    sys.stdout.writelines(differences)
    broken = rules.broken(built, alerts.read())
    for sentence in broken:
        print(sentence, file=sys.stderr)
    return int(bool(differences or broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
