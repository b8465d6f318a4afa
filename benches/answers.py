"""How long answers take, one after the other on one connection: answers.py URL PATH..."""

import http.client
import statistics
import sys
import time
import urllib.parse

TIMES = 100

address = urllib.parse.urlparse(sys.argv[1])
for path in sys.argv[2:]:
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    took, body = [], b""
    for _ in range(TIMES):
        started = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        took.append(1000 * (time.perf_counter() - started))
        if answer.status != 200:
            sys.exit(f"{path} answered {answer.status}")
    took.sort()
    lines = [line for line in body.splitlines() if line and not line.startswith(b"#")]
    series = f", {len(lines)} series" if path == "/metrics" else ""
    print(
        f"GET {path}: median {statistics.median(took):.1f} ms, 99 % within {took[int(TIMES * 0.99) - 1]:.1f} ms, "
        f"most {took[-1]:.1f} ms of {TIMES}; {len(body)} bytes{series}"
    )
