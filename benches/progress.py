"""At what rate a service takes its events in: progress.py URL EVENTS, until it has counted so many.

Asks seldom, as asking takes processor time from who is measured: next when half of what is left should be done.
"""

import re
import sys
import time
import urllib.request

url, events = f"{sys.argv[1]}/metrics", int(sys.argv[2])
NEVER_SOONER = 0.05


def counted():
    with urllib.request.urlopen(url, timeout=60) as answer:
        metrics = answer.read().decode()
    return sum(int(count) for count in re.findall(r"^homecoming_events_total{.*} (\d+)$", metrics, re.MULTILINE))


before = 0
while before == 0:
    time.sleep(NEVER_SOONER)
    try:
        before = counted()
    except OSError:
        pass  # It does not listen yet.
started = time.monotonic()
done, now = before, started
while done < events:
    rate = (done - before) / (now - started) if done > before else events
    time.sleep(max(NEVER_SOONER, (events - done) / rate / 2))
    done, now = counted(), time.monotonic()
print(f"{(done - before) / (now - started):.0f}")
