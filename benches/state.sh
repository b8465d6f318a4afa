#!/usr/bin/env bash
# Memory with many customers, how long a restart takes to have their state again, and how long readers wait for metrics
# and rates, on a real broker.
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
until [ "$(counted)" -ge "$events" ] 2>/dev/null; do sleep 1; done
memory() { awk -v field="$1" '$1 == field ":" { printf "%d", $2 / 1024 }' "/proc/$service/status"; }
echo "customers=$customers events=$events threads=$threads cores=$(nproc) partitions=4"
echo "after reading all: RSS $(memory VmRSS) MiB, peak $(memory VmHWM) MiB"
python3 "$(dirname "$0")/answers.py" "http://127.0.0.1:$http" /metrics /api/v1/rates
stop_service
for run in $(seq "$runs"); do
    started=$(date +%s.%N)
    start_service shop "restart$run"
    ready
    python3 -c "import sys; print(f'restart $run: ready after {float(sys.argv[2]) - float(sys.argv[1]):.1f} s, RSS $(memory VmRSS) MiB')" \
        "$started" "$(date +%s.%N)"
    grep -o '"customers":[0-9]*,"records":[0-9]*,"took_ms":[0-9]*' "$work/restart$run.log" | sed 's/^/    partition: /' || true
    stop_service
done
