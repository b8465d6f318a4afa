#!/usr/bin/env python3
"""What of the deployment can be checked in a second, with nothing but Python: copies, versions, keys and stamps.

tests/deploy/run.sh proves the rest. Every check says what is wrong and what to do; exit 1 if any did.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "homecoming"
# Options of the service that the chart's values must not hold: they follow from the pod, or are secret.
NOT_IN_VALUES = {"kafka.instance_id", "http.token", "http.token_file"}


def text(*parts):
    return ROOT.joinpath(*parts).read_text()


def found(pattern, where, flags=re.MULTILINE):
    """All matches; none at all means that the check itself is out of date."""
    matches = re.findall(pattern, where, flags)
    if not matches:
        sys.exit(f"tests/deploy/quick.py looks for {pattern!r} and finds nothing: change it with what it checks")
    return matches


def script(*command):
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stderr.strip()]


def copies():
    return script("deploy/helm/sync.py", "--check")


def manifest():
    return script("deploy/manifests/render.py", "--stamp")


def versions():
    service = tomllib.loads(text("Cargo.toml"))["package"]["version"]
    charted = found(r'^appVersion: "(.*)"$', text("deploy/helm/homecoming/Chart.yaml"))[0]
    return [] if service == charted else [f"Cargo.toml says {service}, appVersion of Chart.yaml {charted}"]


def options_of_the_service():
    """Every key of config/homecoming.toml, set or not, with its section in front."""
    keys, section = set(), ""
    for line in text("config/homecoming.toml").splitlines():
        if header := re.fullmatch(r"\[([a-z_.]+)\]", line):
            section = header[1]
        elif (option := re.match(r"#?([a-z_]+) = ", line)) and section != "kafka.client":
            keys.add(f"{section}.{option[1]}")
    return keys


def options_of_the_schema(schema, path=""):
    for name, below in schema.get("properties", {}).items():
        key = f"{path}.{name}" if path else name
        if "properties" in below:
            yield from options_of_the_schema(below, key)
        elif key != "kafka.client":
            yield key


def options():
    schema = json.loads((CHART / "values.schema.json").read_text())
    of_schema = set(options_of_the_schema(schema["properties"]["config"]))
    of_service = options_of_the_service()
    wrong = [f"{key} is not in config/homecoming.toml" for key in sorted((of_schema | NOT_IN_VALUES) - of_service)]
    wrong += [f"values.schema.json lacks {key}" for key in sorted(of_service - of_schema - NOT_IN_VALUES)]
    wrong += [f"values.schema.json must not have {key}" for key in sorted(of_schema & NOT_IN_VALUES)]
    return wrong


def owned_properties():
    """What the service refuses among librdkafka's properties, the chart refuses too."""
    table = found(r"const OWNED: .*?\n\];", text("src/config/client.rs"), re.DOTALL)[0]
    owned = set(found(r'^    \("([a-z.]+)",', table))
    schema = json.loads((CHART / "values.schema.json").read_text())
    client = schema["properties"]["config"]["properties"]["kafka"]["properties"]["client"]
    refused = set(client["propertyNames"]["not"]["enum"])
    return [f"values.schema.json lets {name} through, src/config/client.rs does not" for name in sorted(owned - refused)]


def topics():
    """Strimzi's topics have the settings of those that `homecoming topics` makes."""
    template = text("deploy/helm/homecoming/templates/kafkatopics.yaml")
    settings = found(r'\("([a-z.]+)", "([a-z0-9.]+)"\)', text("src/kafka/topics.rs"))
    lines = [f'"{key}" {value if value[0].isdigit() else json.dumps(value)}' for key, value in settings]
    return [f"kafkatopics.yaml lacks {line}, which src/kafka/topics.rs sets" for line in lines if line not in template]


def values():
    """What stands in values.yaml, in its schema and in the README is the same."""
    written = text("deploy/helm/homecoming/values.yaml")
    schema = set(json.loads((CHART / "values.schema.json").read_text())["properties"]) - {"global"}
    top = set(found(r"^([a-zA-Z]+):", written))
    readme = text("deploy/helm/homecoming/README.md")
    rows = found(r"^\| ([a-zA-Z_.]+) \| (?:int|string|list|object|bool|nil) \|", readme)
    wrong = [f"{key} is in only one of values.yaml and values.schema.json" for key in sorted(top ^ schema)]
    if len(rows) != len(found(r"^ *# -- ", written)):
        wrong.append("README.md and values.yaml have not equally many values; run deploy/helm/readme.sh")
    if missing := top - {row.split(".")[0] for row in rows}:
        wrong.append(f"README.md lacks {', '.join(sorted(missing))}; run deploy/helm/readme.sh")
    examples = {path.name for path in CHART.glob("ci/*.yaml")}
    wrong += [f"README.md does not name ci/{name}" for name in sorted(examples) if f"(ci/{name})" not in readme]
    return wrong


CHECKS = (copies, manifest, versions, options, owned_properties, topics, values)


def main():
    wrong = 0
    for check in CHECKS:
        complaints = check()
        wrong += len(complaints)
        for complaint in complaints:
            print(f"{check.__name__}: {complaint}", file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"deployment: {len(CHECKS)} quick checks are well")


if __name__ == "__main__":
    main()
