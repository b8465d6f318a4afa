#!/usr/bin/env python3
"""Follows docs/quickstart.md word for word: takes its commands, runs them in this folder, compares what they print.

    run.py              follows it; what it makes in this folder is taken away at the end
    run.py --list       only says what would be run

The words behind ```sh say where a block runs. `terminal=NAME`: in a terminal of its own, ended by Ctrl-C at the end, the
last first. `docker`, `kcat`, `cluster`: needs that, and is left out without. `docker` always: no container engine runs where
this was written. `cluster` is that of tests/deploy, a real API server whose nodes and pods are played, once tests/deploy/tools.sh
has built it.
A ```text block is what the block before it prints, line by line, perhaps with others in between; … stands for anything.

Takes the ports 8080, 9092 and 9093. Standard library only.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = "docs/quickstart.md"
PORTS = (8080, 9092, 9093)
CLUSTER = ROOT / "tests" / "deploy" / "cluster.sh"
CLUSTER_TOOLS = ROOT / ".tools" / "deploy" / "bin"
MADE = ("my-shop.toml", "my-events.txt")
# Far more than anything takes, a cold build aside.
PATIENCE = 3600.0
SPEAKS_WITHIN = 180.0
ENDS_WITHIN = 60.0


class Block:
    def __init__(self, line, info, text):
        self.line, self.text, self.expected = line, text, []
        words = info.split()[1:]
        self.terminal = next((word.split("=")[1] for word in words if word.startswith("terminal=")), None)
        self.needs = [word for word in words if not word.startswith("terminal=")]

    def __str__(self):
        first = self.text.strip().splitlines()[0]
        return f"line {self.line}: {first}"


def blocks_of(page):
    blocks, fence, text = [], None, []
    for number, line in enumerate(page.splitlines(), 1):
        if not line.startswith("```"):
            text.append(line)
        elif fence is None:
            fence, text = (number, line[3:]), []
        else:
            begins, info = fence
            kind = info.split()[0] if info else ""
            if kind == "sh":
                blocks.append(Block(begins, info, "\n".join(text) + "\n"))
            elif kind == "text":
                blocks[-1].expected = text
            else:
                fail(f"{PAGE}:{begins}: what is a block of {info!r}?")
            fence = None
    return blocks


def fail(why):
    sys.exit(f"quickstart: {why}")


def missing(expected, printed):
    """The first of the lines that does not come, in their order."""
    rest = iter(printed.splitlines())
    for line in expected:
        pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
        if not any(re.fullmatch(pattern, other.strip()) for other in rest):
            return line
    return None


class Terminal:
    """A shell of its own, whose one block goes on until Ctrl-C."""

    def __init__(self, block, work, environment):
        self.block, self.log = block, work / f"{block.terminal}.log"
        script = work / f"{block.terminal}.sh"
        script.write_text(block.text)
        self.process = subprocess.Popen(
            ["bash", "-e", str(script)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def must_say(self):
        until = time.monotonic() + SPEAKS_WITHIN
        while absent := missing(self.block.expected, self.log.read_text()):
            if self.process.poll() is not None or time.monotonic() > until:
                fail(f"{self.block} does not say {absent!r}:\n{self.log.read_text()}")
            time.sleep(0.2)

    def end(self):
        if self.process.poll() is not None:
            fail(f"{self.block} ended by itself ({self.process.returncode}):\n{self.log.read_text()}")
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            fail(f"{self.block} does not end by Ctrl-C")

    def abandon(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


class Shell:
    """The reader's own terminal: one shell for all blocks, so that what was exported stays."""

    def __init__(self, work, environment):
        self.work = work
        self.process = subprocess.Popen(
            ["bash", "-e"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, block):
        script = self.work / "block.sh"
        script.write_text(block.text)
        watch = threading.Timer(PATIENCE, self.process.kill)
        # Nobody waits for it when the block failed.
        watch.daemon = True
        watch.start()
        self.process.stdin.write(f". {script} < /dev/null\necho 'end of block'\n")
        self.process.stdin.flush()
        printed = ""
        for line in self.process.stdout:
            if line.rstrip("\n").endswith("end of block"):
                break
            printed += line
        else:
            fail(f"{block} failed:\n{printed[-4000:]}")
        watch.cancel()
        if absent := missing(block.expected, printed):
            fail(f"{block} does not print {absent!r}, but:\n{printed[-4000:]}")

    def abandon(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


def reason_to_leave_out(block):
    for need in block.needs:
        if need == "docker":
            return "needs Docker"
        if need == "kcat" and not shutil.which("kcat"):
            return "needs kcat, which is not here"
        if need == "cluster" and not all((CLUSTER_TOOLS / name).exists() for name in ("kube-apiserver", "helm")):
            return "needs a cluster: tests/deploy/tools.sh builds one"
        if need not in ("docker", "kcat", "cluster"):
            fail(f"{block}: what is {need!r}?")
    return None


def follow(blocks, work):
    ours = ("HOMECOMING__", "KUBECONFIG")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    cluster = work / "cluster"
    if any("cluster" in block.needs and not reason_to_leave_out(block) for block in blocks):
        environment |= {"PATH": f"{environment['PATH']}:{CLUSTER_TOOLS}", "KUBECONFIG": str(cluster / "kubeconfig")}
    shell, terminals = Shell(work, environment), []
    try:
        if "KUBECONFIG" in environment:
            subprocess.run([CLUSTER, "up", cluster], check=True)
        for block in blocks:
            if reason := reason_to_leave_out(block):
                print(f"left out       {block}: {reason}", flush=True)
                continue
            began = time.monotonic()
            if block.terminal:
                terminals.append(Terminal(block, work, environment))
                terminals[-1].must_say()
            else:
                shell.run(block)
            print(f"well  {time.monotonic() - began:6.1f} s {block}", flush=True)
        while terminals:
            terminals[-1].end()
            terminals.pop()
    finally:
        for one in [*terminals, shell]:
            one.abandon()
        subprocess.run([CLUSTER, "down", cluster], check=False)


def main():
    if set(sys.argv[1:]) - {"--list"}:
        sys.exit(__doc__)
    # Whoever is started in the background ignores it, and so would the terminals that are ended by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    blocks = blocks_of((ROOT / PAGE).read_text())
    if "--list" in sys.argv:
        for block in blocks:
            print(f"{reason_to_leave_out(block) or 'runs'}: {block}")
        return
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                fail(f"something answers at port {port}, which the page uses: end it first")
    for name in MADE:
        if (ROOT / name).exists():
            fail(f"{name} is there already, and the page would write over it: move it away first")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="homecoming-quickstart-") as work:
        try:
            follow(blocks, Path(work))
        finally:
            for name in MADE:
                (ROOT / name).unlink(missing_ok=True)
    left_out = sum(reason_to_leave_out(block) is not None for block in blocks)
    print(f"quickstart: {len(blocks) - left_out} of {len(blocks)} blocks followed in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
