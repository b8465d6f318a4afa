#!/usr/bin/env python3
"""Serves the built page, and Prometheus under /prometheus, on loopback: serve.py FOLDER PORT PROMETHEUS."""

import functools
import http.server
import sys
import urllib.error
import urllib.request


class Handler(http.server.SimpleHTTPRequestHandler):
    prometheus = ""

    def do_GET(self):
        if not self.path.startswith("/prometheus/"):
            return super().do_GET()
        try:
            with urllib.request.urlopen(self.prometheus + self.path.removeprefix("/prometheus"), timeout=60) as answer:
                body, code = answer.read(), answer.status
        except urllib.error.HTTPError as refusal:
            body, code = refusal.read(), refusal.code
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)
        return None

    def log_message(self, *_):
        pass


def main():
    folder, port, Handler.prometheus = sys.argv[1:]
    handler = functools.partial(Handler, directory=folder)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler).serve_forever()


if __name__ == "__main__":
    main()
