#!/usr/bin/env bash
# Memory with many customers, how long a restart takes to have their state again, and how long readers wait for metrics,
# rates, the list of customers and the live page, on a real broker.
#
#   benches/state.sh [CUSTOMERS] [EVENTS_EACH] [RUNS]
set -euo pipefail

customers=${1:-1000000}
each=${2:-5}
runs=${3:-5}
events=$((customers * each))
. "$(dirname "$0")/broker.sh"

"$homecoming" load --config "$work/shop.toml" --events "$events" --customers "$customers" --seed 1 >&2
start_service shop
python3 "$root/benches/progress.py" "http://127.0.0.1:$http" "$events" "$service" "$work/shop.log" > "$work/rate"
memory() { awk -v field="$1" '$1 == field ":" { printf "%d", $2 / 1024 }' "/proc/$service/status"; }
echo "customers=$customers events=$events threads=$threads cores=$(nproc) partitions=4"
echo "after reading all: RSS $(memory VmRSS) MiB, peak $(memory VmHWM) MiB"
stop_service
for run in $(seq "$runs"); do
    started=$(date +%s.%N)
    start_service shop "restart$run"
    ready
    python3 -c "import sys; print(f'restart $run: ready after {float(sys.argv[2]) - float(sys.argv[1]):.1f} s, RSS $(memory VmRSS) MiB')" \
        "$started" "$(date +%s.%N)"
    grep -o '"customers":[0-9]*,"records":[0-9]*,"took_ms":[0-9]*' "$work/restart$run.log" | sed 's/^/    partition: /' || true
    [ "$run" = "$runs" ] || stop_service
done
one=$(curl -s "http://127.0.0.1:$http/api/v1/customers?limit=1" |
    python3 -c 'import json, sys, urllib.parse; print(urllib.parse.quote(json.load(sys.stdin)["customers"][0]["customer_id"], safe=""))')
python3 "$root/benches/answers.py" "http://127.0.0.1:$http" /metrics /api/v1/rates /api/v1/customers \
    '/api/v1/customers?level=lapsed&limit=500' /api/v1/rates/history /api/v1/cohorts "/api/v1/customers/$one"
if [ -d "$root/.tools/page/node_modules" ]; then
    node "$root/tests/page/paint.mjs" "http://127.0.0.1:$http/"
else
    echo 'page: NOT MEASURED, as make test-page has not been run'
fi
echo "after all that: RSS $(memory VmRSS) MiB"
stop_service
