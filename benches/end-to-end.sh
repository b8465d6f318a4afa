#!/usr/bin/env bash
# End to end on a real broker: events/s and CPU-seconds per million events, from a full topic to the last commit.
#
#   benches/end-to-end.sh [EVENTS] [CUSTOMERS] [RUNS]
#
# Starts a broker of its own on loopback and ends it; three of them, each record kept by all, with BROKERS=3. Prints one
# line a run: events a second of wall time, CPU-seconds of the service and of the brokers per million events, the service's
# peak memory, and how many events a transaction took in. After each run a loop without any logic reads the same and
# writes as many and as large records in as large transactions (benches/bare_loop.rs), for comparison; and once more in
# the largest that the service would make. Before all that comes a round that does not count: until then the broker's JVM
# compiles its own code at our cost. What a round wrote is deleted, so that the broker's log cleaner has nothing to do in
# the next.
set -euo pipefail

events=${1:-2000000}
customers=${2:-200000}
runs=${3:-3}
. "$(dirname "$0")/broker.sh"
bare_loop=$(bench_program bare_loop)

"$homecoming" load --config "$work/shop.toml" --events "$events" --customers "$customers" --seed 1 >&2
echo "events=$events customers=$customers threads=$threads cores=$(nproc) brokers=$nodes partitions=4 commit=100ms"

for run in $(seq 0 "$runs"); do
    [ "$run" -gt 0 ] || echo "not counted, as the broker warms up:"
    config "run$run"
    "$homecoming" topics --config "$work/run$run.toml" --partitions 4 > "$work/topics.log"
    broker_before=$(cpu_seconds "${brokers[@]}")
    start_service "run$run"
    rate=$(python3 "$root/benches/progress.py" "http://127.0.0.1:$http" "$events" "$service" "$work/run$run.log")
    used=$(cpu_seconds "$service") broker_used=$(cpu_seconds "${brokers[@]}") batch=$((events / $(committed)))
    peak=$(awk '/VmHWM/ { print $2 / 1024 }' "/proc/$service/status")
    python3 - "$events" "$rate" "$used" "$broker_before" "$broker_used" "$peak" "$batch" <<'EOF'
import sys
events, rate, used, b0, b1, peak, batch = map(float, sys.argv[1:])
print(f"events/s {rate:,.0f}   service CPU-s/M {used / events * 1e6:.2f}   "
      f"broker CPU-s/M {(b1 - b0) / events * 1e6:.2f}   peak MiB {peak:.0f}   events a transaction {batch:.0f}", flush=True)
EOF
    stop_service
    for size in "$batch" 10000; do
        bare="bare$run-$size"
        config "$bare"
        "$homecoming" topics --config "$work/$bare.toml" --partitions 4 > "$work/topics.log"
        "$bare_loop" "127.0.0.1:$kafka" "run$run" "$bare" "$threads" "$size"
    done
    kafka_tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$kafka" --delete \
        --topic "(run|bare)$run-.*" > "$work/deleted.log" 2>&1
done
