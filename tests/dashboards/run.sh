#!/usr/bin/env bash
# Rules, alerts and dashboards, in layers: promtool's own checks and the unit tests of all alerts; every expression asked
# of a real Prometheus that scraped the target; dashboards against Grafana's own types; panels drawn with Grafana's own
# components in Chromium.
#
#   tests/dashboards/run.sh                                   the target is the made-up shop of exporter.py
#   tests/dashboards/run.sh --target 127.0.0.1:8080 …         the target is the service, with data in it
#   tests/dashboards/run.sh --pictures                        also puts the pictures into docs/dashboards
#
# Needs prometheus, promtool and chromium (on Debian: apt-get install prometheus chromium), Python 3.11, Node 20 and npm,
# and the first time a network for npm. Not part of `make check`.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
tools=$root/.tools/dashboards
deploy=$root/deploy
export PYTHONDONTWRITEBYTECODE=1

give_up() {
    echo "dashboards: $1" >&2
    exit 1
}

step() {
    echo "== $1"
}

targets=()
pictures=no
while [ $# -gt 0 ]; do
    case $1 in
        --target) targets+=("${2:?--target wants host:port}"); shift 2 ;;
        --pictures) pictures=yes; shift ;;
        *) give_up "what is $1?" ;;
    esac
done

for tool in prometheus promtool chromium python3 node npm; do
    command -v "$tool" >/dev/null || give_up "$tool is needed"
done

scratch=$(mktemp -d)
pids=()
clean_up() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
    for _ in $(seq 300); do
        python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' "$1" 2>/dev/null && return
        sleep 0.2
    done
    give_up "nothing answers at $1"
}

step 'what the repository holds is what the scripts write, and keeps to the rules'
python3 "$deploy/grafana/generate.py" --check

step 'rules and alerts, by promtool'
promtool check rules --lint=all --lint-fatal "$deploy/prometheus/rules.yaml" "$deploy/prometheus/alerts.yaml"
(cd "$deploy/prometheus" && promtool check config prometheus.yaml)

step 'unit tests of ratios and of every alert, both ways'
mkdir "$scratch/alerts"
python3 "$here/alerts/cases.py" "$scratch/alerts"
promtool test rules "$here/alerts/shop.yaml" "$scratch"/alerts/*.yaml >"$scratch/promtool.log" 2>&1 \
    || { grep -v '^$' "$scratch/promtool.log" >&2; give_up 'an alert does not do what its story says'; }
grep -c SUCCESS "$scratch/promtool.log" | sed 's/$/ files of tests pass/'

step 'a real Prometheus scrapes the target'
real=()
if [ ${#targets[@]} -eq 0 ]; then
    targets=("127.0.0.1:$(free_port)" "127.0.0.1:$(free_port)")
    listen=()
    for target in "${targets[@]}"; do listen+=(--listen "$target"); done
    epoch=$(date +%s)
    python3 "$here/exporter.py" "${listen[@]}" --epoch "$epoch" --history "$scratch/history.om"
    promtool tsdb create-blocks-from openmetrics --max-block-duration=2000h "$scratch/history.om" "$scratch/tsdb" >/dev/null
    rm "$scratch/history.om"
    python3 "$here/exporter.py" "${listen[@]}" --epoch "$epoch" &
    pids+=($!)
else
    real=(--real)
fi
asked=()
for target in "${targets[@]}"; do
    answers "http://$target/metrics"
    python3 -c 'import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())' \
        "http://$target/metrics" | promtool check metrics || give_up "promtool has something to say about $target"
    asked+=(--target "$target")
done

# The past of the made-up shop has a value an hour, so one that is an hour old still counts.
port=$(free_port)
python3 - "$scratch/prometheus.yaml" "$deploy/prometheus" "${targets[@]}" <<'PYTHON'
import json, sys

path, rules, *targets = sys.argv[1:]
jobs = [{"job_name": "homecoming", "static_configs": [{"targets": targets}]}]
every = {"scrape_interval": "5s", "scrape_timeout": "4s", "evaluation_interval": "5s"}
files = [f"{rules}/rules.yaml", f"{rules}/alerts.yaml"]
json.dump({"global": every, "rule_files": files, "scrape_configs": jobs}, open(path, "w", encoding="utf-8"))
PYTHON
promtool check config "$scratch/prometheus.yaml" >/dev/null
prometheus --config.file="$scratch/prometheus.yaml" --storage.tsdb.path="$scratch/tsdb" --web.listen-address="127.0.0.1:$port" \
    --storage.tsdb.retention.time=100d --query.lookback-delta=65m --log.level=warn &
pids+=($!)
answers "http://127.0.0.1:$port/-/ready"
sleep 45

step 'every expression of rules, alerts and dashboards returns data; all that is exported is used, or has a reason'
python3 "$here/checks.py" --prometheus "http://127.0.0.1:$port" "${asked[@]}" "${real[@]}"

mkdir -p "$tools"
if ! cmp -s "$here/package.json" "$tools/package.json" || [ ! -d "$tools/node_modules/@grafana/ui" ]; then
    step 'Grafana'"'"'s own components, by npm (some minutes, 500 MB)'
    cp "$here/package.json" "$tools/package.json"
    npm install --prefix "$tools" --no-audit --no-fund --silent || give_up 'npm could not install'
fi

step 'dashboards against the types of @grafana/schema'
cp "$here"/types/tsconfig.json "$tools/"
python3 "$here/types/to_typescript.py" "$tools/check.ts" "$deploy/grafana/retention.json" "$deploy/grafana/service.json"
(cd "$tools" && node_modules/.bin/tsc --project tsconfig.json) || give_up 'a dashboard is not of Grafana'"'"'s types'
echo 'types hold'

step 'panels drawn with @grafana/ui in Chromium'
mkdir -p "$tools/render"
cp "$here"/render/{index.html,main.jsx,panels.jsx,queries.js,vite.config.mjs} "$tools/render/"
cp "$deploy"/grafana/{retention,service}.json "$tools/render/"
(cd "$tools/render" && ../node_modules/.bin/vite build --logLevel error) || give_up 'vite could not build'
web=$(free_port)
python3 "$here/render/serve.py" "$tools/render/dist" "$web" "http://127.0.0.1:$port" &
pids+=($!)
answers "http://127.0.0.1:$web/index.html"
mkdir "$scratch/pictures"
for name in retention service; do
    for theme in dark light; do
        python3 "$here/render/take.py" "http://127.0.0.1:$web/index.html?dashboard=$name&theme=$theme" \
            "$scratch/pictures/$name-$theme.png" || give_up "$name in $theme was not drawn whole"
    done
done
if [ "$pictures" = yes ]; then
    mkdir -p "$root/docs/dashboards"
    for name in retention service; do
        python3 "$here/render/shrink.py" "$scratch/pictures/$name-dark.png" "$root/docs/dashboards/$name-dark.png"
    done
    echo "pictures are in docs/dashboards"
fi
echo 'dashboards: all well'
