#!/usr/bin/env bash
# Asks validators that others wrote: the AsyncAPI document by the official parser, the schemas and what the service
# announces by Python's jsonschema. Installs both into .tools, which takes a network the first time.
#
#   tests/schemas/validate.sh [path of the program]    without one, it is built
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
tools=$root/.tools/schemas
program=${1:-}

give_up() {
    echo "schemas: $1" >&2
    exit 1
}

command -v node >/dev/null && command -v npm >/dev/null || give_up 'node 18 or later and npm are needed'
command -v python3 >/dev/null || give_up 'python3 is needed'

mkdir -p "$tools"
if ! cmp -s "$here/package.json" "$tools/package.json" || [ ! -d "$tools/node_modules/@asyncapi/parser" ]; then
    cp "$here/package.json" "$tools/package.json"
    npm install --prefix "$tools" --no-audit --no-fund --silent || give_up 'npm could not install @asyncapi/parser'
fi
if ! cmp -s "$here/requirements.txt" "$tools/requirements.txt"; then
    python3 -m venv "$tools/venv" || give_up 'no venv: on Debian, apt-get install python3-venv'
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" \
        || give_up 'pip could not install jsonschema'
    # Last: without it the venv is not complete.
    cp "$here/requirements.txt" "$tools/requirements.txt"
fi

if [ -z "$program" ]; then
    cargo build --locked --quiet --manifest-path "$root/Cargo.toml"
    program=${CARGO_TARGET_DIR:-$root/target}/debug/homecoming
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$program" schema --out "$out/schemas" >/dev/null
"$program" replay --input "$here/history.jsonl" --signals "$out/signals.jsonl" >/dev/null

NODE_PATH=$tools/node_modules node "$here/parse.cjs" "$out/schemas/asyncapi.json"
"$tools/venv/bin/python" "$here/validate.py" "$out/schemas" "$here/history.jsonl" "$out/signals.jsonl"
