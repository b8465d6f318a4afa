#!/usr/bin/env bash
# From producing an order to a read_committed reader seeing its signal, on a real broker, at the default commit interval.
#
#   benches/latency.sh [RATE] [SECONDS] [RUNS]
set -euo pipefail

rate=${1:-5000}
seconds=${2:-30}
runs=${3:-1}
. "$(dirname "$0")/broker.sh"
latency=$(bench_program latency)

echo "rate=$rate seconds=$seconds threads=$threads cores=$(nproc) partitions=4 commit=100ms"
for run in $(seq "$runs"); do
    config "latency$run"
    "$homecoming" topics --config "$work/latency$run.toml" --partitions 4 > "$work/topics.log"
    start_service "latency$run"
    ready
    "$latency" "127.0.0.1:$kafka" "latency$run-returning" "$rate" "$seconds"
    stop_service
done
