#!/usr/bin/env python3
"""Records what the service exports while a shop's year goes by in minutes, so that a dashboard has weeks to show.

    record.py --target HOST:PORT [--target …] --until FILE --history FILE

Scrapes the targets several times a second until the file of `--until` is there and the shop's time stands. Then it writes
OpenMetrics for `promtool tsdb create-blocks-from openmetrics`:

- what tells of the shop gets the time of the shop, moved so that its last moment is now: one value an hour, the last 46
  days. No value is made up or changed, only its time; the shop's time is the least `homecoming_watermark_seconds`.
- what tells of the process keeps the time at which it was scraped.

Standard library only.
"""

import argparse
import re
import sys
import time
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import families  # noqa: E402
from exporter import labelled  # noqa: E402

HOUR, DAY = 3600, 86400
PAST = 46 * DAY
PAUSE = 0.1
EVERY_SECONDS = 5.0
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
OF_SHOP = {family.name for family in families.ALL if family.is_of_shop}


def scrape(target):
    """[(name, labels, value)] of one target."""
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return [(name, dict(LABEL.findall(labels)), value) for name, labels, value in SAMPLE.findall(text)]


def time_of_shop(scrapes):
    """The least time of all partitions; nothing before all of them have one."""
    times = [float(value) for samples in scrapes for name, _, value in samples if name == "homecoming_watermark_seconds"]
    return min(times) if times and min(times) > 0 else None


class Rows:
    """Every series' values by time, each time once."""

    def __init__(self):
        self.rows = {}

    def add(self, target, samples, at, of_shop):
        for name, labels, value in samples:
            if (name in OF_SHOP) == of_shop:
                labels = labelled({**labels, "job": "homecoming", "instance": target})
                self.rows.setdefault((name, labels), {})[at] = value

    def write(self, out, shift, since):
        # OpenMetrics would have counters' names without _total, and histograms whole: unknown keeps every name.
        for name in dict.fromkeys(name for name, _ in self.rows):
            out.write(f"# TYPE {name} unknown\n")
            for (of, labels), points in self.rows.items():
                if of == name:
                    kept = ((at + shift, value) for at, value in sorted(points.items()) if at + shift >= since)
                    out.writelines(f"{name}{labels} {value} {at:.3f}\n" for at, value in kept)


def record(targets, is_over):
    """Values of the shop by the shop's time, values of the process by the clock's; and the shop's last moment."""
    shop, process = Rows(), Rows()
    hour, scraped, moved, last = None, 0.0, time.time(), None
    while not (is_over() and time.time() - moved > 5):
        scrapes = [scrape(target) for target in targets]
        now, at = time.time(), time_of_shop(scrapes)
        if now - scraped >= EVERY_SECONDS:
            scraped = now
            for target, samples in zip(targets, scrapes):
                process.add(target, samples, now, False)
        if at is not None and at != last:
            moved, last = now, at
        if at is not None and at // HOUR != hour:
            hour = at // HOUR
            for target, samples in zip(targets, scrapes):
                shop.add(target, samples, at, True)
        time.sleep(PAUSE)
    return shop, process, last


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", action="append", required=True, metavar="HOST:PORT")
    parser.add_argument("--until", type=Path, required=True, metavar="FILE", help="when this is there, the year is over")
    parser.add_argument("--history", required=True, metavar="FILE")
    options = parser.parse_args()
    shop, process, last = record(options.target, options.until.exists)
    now = time.time()
    with open(options.history, "w", encoding="utf-8") as out:
        shop.write(out, now - last, now - PAST)
        process.write(out, 0.0, 0.0)
        out.write("# EOF\n")
    times = {at for points in shop.rows.values() for at in points if at >= last - PAST}
    print(f"{len(times)} moments of the shop's last {PAST // DAY} days, {len(shop.rows)} series of it")
    if len(times) < PAST // DAY:
        sys.exit("fewer than one a day: let the shop's year go by more slowly")


if __name__ == "__main__":
    main()
