#!/usr/bin/env python3
"""Writes JSON schemas for kubeconform as a running API server tells them, custom resources included.

    kubectl get --raw /openapi/v2 | schemas.py FOLDER

One file a kind, nothing referred to, and strict: what a schema does not name is refused.
"""

import json
import sys
from pathlib import Path

TEXT_OR_WHOLE = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
TEXT_OR_NUMBER = {"oneOf": [{"type": "string"}, {"type": "number"}]}
PREFIX = "#/definitions/"


def resolved(node, definitions, within):
    """The node with every reference replaced by what it names; a type inside itself is left open."""
    if isinstance(node, list):
        return [resolved(item, definitions, within) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        name = node["$ref"].removeprefix(PREFIX)
        if name in within:
            return {}
        if name.endswith(".IntOrString"):
            return TEXT_OR_WHOLE
        if name.endswith(".Quantity"):
            return TEXT_OR_NUMBER
        return resolved(definitions[name], definitions, within | {name})
    if node.get("format") == "int-or-string" or node.get("x-kubernetes-int-or-string"):
        return TEXT_OR_WHOLE
    out = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: resolved(below, definitions, within) for name, below in value.items()}
        elif not key.startswith("x-"):
            out[key] = resolved(value, definitions, within)
    is_open = "additionalProperties" in node or node.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in node and not is_open:
        out["additionalProperties"] = False
    return out


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    definitions = json.load(sys.stdin)["definitions"]
    written = 0
    for name, schema in definitions.items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            if not name.endswith(kind["kind"]):
                continue
            group = kind["group"].split(".")[0]
            file = "-".join(part for part in (kind["kind"], group, kind["version"]) if part).lower() + ".json"
            (folder / file).write_text(json.dumps(resolved(schema, definitions, frozenset([name]))))
            written += 1
    if written < 50:
        sys.exit(f"only {written} kinds: that is no API server's answer")
    print(f"{written} kinds")


if __name__ == "__main__":
    main()
