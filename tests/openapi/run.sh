#!/usr/bin/env bash
# The API's description as others read it: linted by Redocly, made into a TypeScript client, and that client used on the
# demo. Installs what it needs into .tools, which takes a network the first time.
#
#   tests/openapi/run.sh [path of the program]    without one, it is built
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
tools=$root/.tools/openapi
program=${1:-}

give_up() {
    echo "openapi: $1" >&2
    exit 1
}

command -v node >/dev/null && command -v npm >/dev/null || give_up 'node 20 or later and npm are needed'
command -v python3 >/dev/null || give_up 'python3 is needed'

mkdir -p "$tools"
if ! cmp -s "$here/package.json" "$tools/package.json" || [ ! -d "$tools/node_modules/openapi-fetch" ]; then
    cp "$here/package.json" "$tools/package.json"
    npm install --prefix "$tools" --no-audit --no-fund --silent || give_up 'npm could not install the tools'
fi

if [ -z "$program" ]; then
    cargo build --locked --quiet --manifest-path "$root/Cargo.toml"
    program=${CARGO_TARGET_DIR:-$root/target}/debug/homecoming
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
work=$(mktemp -d)
demo=
trap 'kill $demo 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
"$program" demo --port "$port" --customers 500 --speed 5d > "$work/demo.log" 2>&1 &
demo=$!

# Fetched as a client would: nothing of ours is asked but the service.
fetch() {
    python3 -c 'import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=10).read())' \
        "http://127.0.0.1:$port$1" 2>/dev/null
}
for _ in $(seq 600); do
    fetch /readyz >/dev/null && break
    kill -0 "$demo" 2>/dev/null || { cat "$work/demo.log" >&2; give_up 'the demo ended'; }
    sleep 0.2
done
fetch /openapi.json > "$work/openapi.json" || give_up 'the demo does not answer'

ln -s "$tools/node_modules" "$work/node_modules"
cp "$here"/{redocly.yaml,tsconfig.json,client.ts,package.json} "$work"
cd "$work"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
node_modules/.bin/redocly lint openapi.json
node_modules/.bin/openapi-typescript openapi.json --output api.ts
node_modules/.bin/tsc --project tsconfig.json
node client.js "http://127.0.0.1:$port"
