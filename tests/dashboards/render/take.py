#!/usr/bin/env python3
"""Takes a picture of a dashboard in Chromium: take.py URL OUT.png. Fails unless every panel was drawn with data.

The page is opened twice: for what it says of its panels, and for the picture. Panels that may be empty, since what they
show is what goes wrong, say so themselves (panels.jsx).
"""

import re
import subprocess
import sys
import tempfile

CHROMIUM = (
    "chromium",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--virtual-time-budget=60000",
)


def chromium(url, *arguments):
    with tempfile.TemporaryDirectory() as profile:
        run = subprocess.run(
            [*CHROMIUM, f"--user-data-dir={profile}", *arguments, url],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    if run.returncode:
        raise SystemExit(f"chromium ended with {run.returncode}: {run.stderr[-600:]}")
    return run.stdout


def main():
    url, out = sys.argv[1:]
    page = chromium(url, "--window-size=1640,900", "--dump-dom")
    height = re.search(r'data-height="(\d+)"', page)
    states = re.findall(r'data-panel="(\d+)"[^>]*data-state="(\w+)"(?:[^>]*data-why="([^"]*)")?', page)
    wrong = [f"panel {panel}: {state} {why}" for panel, state, why in states if state not in ("data", "quiet")]
    if not height or not states:
        raise SystemExit(f"the page was not drawn: {page[-1500:]}")
    chromium(url, f"--window-size=1640,{height[1]}", f"--screenshot={out}")
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    print(f"{len(states)} panels, {len(wrong)} without data: {out.rsplit('/', 1)[-1]}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
