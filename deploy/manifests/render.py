#!/usr/bin/env python3
"""Writes homecoming.yaml: what the chart makes of its defaults, for those who do not use Helm.

    render.py              writes the file beside this script; needs helm
    render.py --check      exit 1 if that file is not what this script writes; needs helm
    render.py --stamp      exit 1 if the chart has changed since the file was written; needs nothing

helm is taken from .tools/deploy/bin, where tests/deploy/tools.sh puts it, or else from the PATH. Standard library only.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHART = HERE.parent / "helm" / "homecoming"
TARGET = HERE / "homecoming.yaml"
# What Helm needs to know whom an object belongs to, and nobody else does.
HELMS_OWN = ("helm.sh/chart: ", "app.kubernetes.io/managed-by: ")
NAMESPACE = """\
---
apiVersion: v1
kind: Namespace
metadata:
  name: homecoming
  labels:
    # The strictest of Kubernetes' standards for pods.
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
"""


def stamp():
    """A hash over what a render depends on."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    sources = [CHART / "Chart.yaml", CHART / "values.yaml", *sorted(CHART.glob("templates/*"))]
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def header():
    return (
        "# homecoming as plain manifests: the chart in deploy/helm/homecoming with its defaults. Written by\n"
        "# deploy/manifests/render.py; README.md beside it says what to change before it is applied.\n"
        f"# chart sha256: {stamp()}\n"
    )


def helm():
    ours = ROOT / ".tools" / "deploy" / "bin" / "helm"
    found = str(ours) if ours.exists() else shutil.which("helm")
    if not found:
        sys.exit("missing: helm; tests/deploy/tools.sh helm builds it")
    return found


def rendered():
    command = [helm(), "template", "homecoming", str(CHART), "--namespace", "homecoming", "--kube-version", "1.36.3"]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    kept = [line for line in text.splitlines() if not line.strip().startswith(HELMS_OWN)]
    kept = [line for line in kept if not line.startswith("# Source: ")]
    return header() + NAMESPACE + "\n".join(kept) + "\n"


def main():
    if sys.argv[1:] not in ([], ["--check"], ["--stamp"]):
        sys.exit(__doc__)
    have = TARGET.read_text() if TARGET.exists() else ""
    if sys.argv[1:] == ["--stamp"]:
        is_current = have.startswith(header())
    else:
        want = rendered()
        is_current = have == want
        if not sys.argv[1:]:
            TARGET.write_text(want)
            print(f"written: {TARGET.relative_to(ROOT)}")
            return
    if not is_current:
        sys.exit(f"not current: {TARGET.relative_to(ROOT)}; run deploy/manifests/render.py")
    print("plain manifest current")


if __name__ == "__main__":
    main()
