"""At what rate a service takes its events in: progress.py URL EVENTS PID LOG, until it has counted so many.

Asks seldom, as asking takes processor time from who is measured: next when half of what is left should be done. Should the
process end before, this ends too, with the last line of its log.
"""

import re
import sys
import time
import urllib.request

url, events, pid, log = f"{sys.argv[1]}/metrics", int(sys.argv[2]), sys.argv[3], sys.argv[4]
NEVER_SOONER = 0.05


def has_ended():
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def counted():
    """0 as long as it does not listen yet."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            metrics = answer.read().decode()
    except OSError:
        if has_ended():
            with open(log) as lines:
                sys.exit(f"the service has ended: {(lines.readlines() or ['it said nothing'])[-1].strip()}")
        return 0
    return sum(int(count) for count in re.findall(r"^homecoming_events_total{.*} (\d+)$", metrics, re.MULTILINE))


before = 0
while before == 0:
    time.sleep(NEVER_SOONER)
    before = counted()
started = time.monotonic()
done, now = before, started
while done < events:
    rate = (done - before) / (now - started) if done > before else events
    time.sleep(max(NEVER_SOONER, (events - done) / rate / 2))
    done, now = counted(), time.monotonic()
print(f"{(done - before) / (now - started):.0f}")
