#!/usr/bin/env python3
"""Runs kube-score and checkov over rendered examples; fails on what is found and not excepted, and on what is excepted
and not found.

    exceptions.py BIN EXAMPLE.yaml...
"""

import json
import subprocess
import sys
from pathlib import Path

NO_CPU_LIMIT = "a CPU limit would only slow a catch-up down on a node that has time; memory has one"
NOT_ALWAYS = "tags and digests do not move; Always makes every start depend on the registry"
OWN_TAG = "the default image is the one that was built last; the production example names a digest"
BY_VARIABLE = "librdkafka takes SASL passwords as properties only; the API's token and all keys are files"

# (tool, its name of the check, examples it is excepted in, why)
ALL = ("default", "small", "production", "strimzi", "strimzi-tls", "autoscaled", "options")
EXCEPTIONS = [
    ("kube-score", "container-resources: CPU limit is not set", ALL, NO_CPU_LIMIT),
    ("kube-score", "container-image-pull-policy: ImagePullPolicy is not set to Always", ALL, NOT_ALWAYS),
    ("checkov", "CKV_K8S_11", ALL, NO_CPU_LIMIT),
    ("checkov", "CKV_K8S_15", tuple(name for name in ALL if name != "production"), NOT_ALWAYS),
    ("checkov", "CKV_K8S_43", tuple(name for name in ALL if name != "production"), OWN_TAG),
    ("checkov", "CKV_K8S_35", ("production", "strimzi"), BY_VARIABLE),
]
# kube-score's grades: 10 is well, 5 a warning, 1 critical.
WELL = 10


def output_of(command):
    # Both end with 1 when they find something; what they could not do is no JSON.
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)


def of_kube_score(bin_folder, path):
    scored = output_of([bin_folder / "kube-score", "score", "--kubernetes-version", "v1.36", "-o", "json", path])
    if not scored:
        sys.exit(f"kube-score saw nothing in {path}")
    for thing in scored:
        for check in thing["checks"] or []:
            if check["skipped"] or check["grade"] >= WELL:
                continue
            for comment in check["comments"] or [{"summary": "?"}]:
                yield f"{check['check']['id']}: {comment['summary']}"


def of_checkov(bin_folder, path):
    command = [bin_folder / "checkov", "-f", path, "--framework", "kubernetes", "--skip-download", "-o", "json"]
    report = output_of([*command, "--quiet"])
    if report["summary"]["passed"] < 50:
        sys.exit(f"checkov saw next to nothing in {path}")
    for failed in report["results"]["failed_checks"]:
        yield failed["check_id"]


def main():
    bin_folder = Path(sys.argv[1])
    found = set()
    for path in sys.argv[2:]:
        example = Path(path).stem
        for tool, look in (("kube-score", of_kube_score), ("checkov", of_checkov)):
            found |= {(tool, check, example) for check in look(bin_folder, path)}
    excepted = {(tool, check, example) for tool, check, examples, _ in EXCEPTIONS for example in examples}
    for tool, check, example in sorted(found - excepted):
        print(f"{tool} in {example}: {check}", file=sys.stderr)
    for tool, check, example in sorted(excepted - found):
        print(f"excepted, but not found: {tool} in {example}: {check}", file=sys.stderr)
    for tool, check, examples, why in EXCEPTIONS:
        print(f"  excepted: {tool} {check} ({', '.join(examples)}): {why}")
    if found != excepted:
        sys.exit(1)


if __name__ == "__main__":
    main()
