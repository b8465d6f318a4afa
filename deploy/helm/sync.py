#!/usr/bin/env python3
"""Copies what the chart ships but others own, for a chart can't read outside its folder.

    sync.py            copies
    sync.py --check    exit 1 and names if a copy is not what its original is

Rules and alerts come from deploy/prometheus, dashboards from deploy/grafana. Standard library only.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEPLOY = HERE.parent
FILES = HERE / "homecoming" / "files"
# Of deploy/prometheus the chart ships the rules; the scrape configuration is the compose set-up's.
RULES = ("rules.yaml", "alerts.yaml")


def wanted():
    """What the chart must hold: path there -> bytes."""
    originals = {FILES / "prometheus" / name: DEPLOY / "prometheus" / name for name in RULES}
    originals |= {FILES / "dashboards" / path.name: path for path in DEPLOY.glob("grafana/*.json")}
    missing = [original for original in originals.values() if not original.is_file()]
    if missing:
        sys.exit("missing: " + ", ".join(str(path.relative_to(DEPLOY.parent)) for path in missing))
    return {copy: original.read_bytes() for copy, original in originals.items()}


def held():
    return {path: path.read_bytes() for path in FILES.rglob("*") if path.is_file()}


def differences():
    """What copying would change, by name."""
    want, have = wanted(), held()
    return sorted(
        str(path.relative_to(HERE)) for path in want.keys() | have.keys() if want.get(path) != have.get(path)
    )


def copy():
    want = wanted()
    for path in held().keys() - want.keys():
        path.unlink()
    for path, content in want.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    different = differences()
    if sys.argv[1:] and different:
        sys.exit(f"not current: {', '.join(different)}; run deploy/helm/sync.py")
    if different:
        copy()
    print("chart files current" if not different else f"copied: {', '.join(different)}")


if __name__ == "__main__":
    main()
