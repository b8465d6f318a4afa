#!/usr/bin/env python3
"""A shop that isn't there: serves every metric of homecoming, from two instances, with plausible values that move.

    exporter.py --listen 127.0.0.1:9101 --listen 127.0.0.1:9102 [--epoch UNIX]      serves until it is ended
    exporter.py --listen … --listen … --epoch UNIX --history FILE                   writes the past as OpenMetrics

Every value is a function of the time alone, so the past that is written and the present that is served fit together.
`--epoch` is the moment at which the story stands: an hour before it an instance restarted and restored, half an hour
before it transactions failed for some minutes. What the metrics are called and labelled is in `families`; the check
of uses (catalogue.py) compares that with a real service when there is one. Standard library only.
"""

import argparse
import http.server
import sys
import threading
import time

import families

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RESTORE_TAKES = 90.0


class Instance:
    """One process: its share of the customers, its partitions and what it has lived through."""

    def __init__(self, place, epoch):
        self.place = place
        self.share = (0.53, 0.47)[place % 2]
        self.partitions = range(6 * place, 6 * place + 6)
        self.epoch = epoch
        self.started = epoch - (3.2 * DAY, 55 * MINUTE)[place % 2]
        self.was_started = epoch - 60 * DAY

    def since_start(self, at):
        """Seconds this process has run: it falls to 0 at the restart."""
        return at - (self.started if at >= self.started else self.was_started)

    def start(self, at):
        return at - self.since_start(at)

    def is_restoring(self, at):
        return self.place == 1 and 0 <= at - self.started < RESTORE_TAKES

    def trouble(self, at):
        """How much of a bad quarter of an hour is over: 0 before, 1 from its end; 0 again after a restart."""
        begin = self.epoch - 33 * MINUTE
        if self.place == 1 and at < self.started:
            return 0.0
        return min(1.0, max(0.0, (at - begin) / (6 * MINUTE)))

    def is_troubled(self, at):
        return 0 < self.trouble(at) < 1


def text(instance, at, only=None):
    """What `/metrics` says at a moment, in Prometheus' text format."""
    lines = []
    for family in families.ALL:
        if only and not only(family.name):
            continue
        lines.append(f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n")
        lines.extend(
            f"{name}{labelled(labels)} {value:.10g}\n" for name, labels, value in samples(family, instance, at)
        )
    return "".join(lines)


def labelled(labels):
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else ""


def samples(family, instance, at):
    """(name, labels, value) of every series of a family."""
    for labels, value in family.values(instance, at):
        if family.kind != "histogram":
            yield family.name, labels, value
            continue
        buckets, total = value
        for bound, count in buckets:
            yield f"{family.name}_bucket", {**labels, "le": bound}, count
        yield f"{family.name}_sum", labels, total
        yield f"{family.name}_count", labels, buckets[-1][1]


# --- Serving, and writing the past ----------------------------------------------------------------------------------


def serve(addresses, epoch):
    for place, address in enumerate(addresses):
        host, port = address.rsplit(":", 1)
        handler = type("Handler", (Handler,), {"instance": Instance(place, epoch)})
        server = http.server.ThreadingHTTPServer((host, int(port)), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = text(self.instance, time.time()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


# What is written of the past: what the shop looks at hourly for weeks, everything often for hours. Seconds.
PAST = (
    ("shop", 46 * DAY, 3 * HOUR, HOUR),
    ("all", 3 * HOUR, 0.0, 30.0),
)


def write_history(out, addresses, epoch):
    """OpenMetrics for `promtool tsdb create-blocks-from openmetrics`: series by series, each in order of time."""
    instances = [Instance(place, epoch) for place in range(len(addresses))]
    for family in families.ALL:
        rows = {}
        for what, begin, end, step in PAST:
            if what == "shop" and not family.is_of_shop:
                continue
            for tick in range(int((begin - end) // step)):
                at = epoch - begin + tick * step
                for instance, address in zip(instances, addresses):
                    for name, labels, value in samples(family, instance, at):
                        labels = {**labels, "job": "homecoming", "instance": address}
                        rows.setdefault((name, labelled(labels)), []).append((at, value))
        # OpenMetrics would have counters' names without _total, and histograms whole: unknown keeps every name.
        for name in dict.fromkeys(name for name, _ in rows):
            out.write(f"# TYPE {name} unknown\n")
            for (of, labels), points in rows.items():
                if of == name:
                    out.writelines(f"{name}{labels} {value:.10g} {at:.3f}\n" for at, value in points)
    out.write("# EOF\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", action="append", required=True, metavar="HOST:PORT", help="once for each instance")
    parser.add_argument("--epoch", type=float, default=time.time(), help="Unix time at which the story stands")
    parser.add_argument("--history", metavar="FILE", help="write the past to this file instead of serving")
    options = parser.parse_args()
    if options.history:
        with open(options.history, "w", encoding="utf-8") as out:
            write_history(out, options.listen, options.epoch)
        return 0
    serve(options.listen, options.epoch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
