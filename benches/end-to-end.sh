#!/usr/bin/env bash
# End to end on a real broker: events/s and CPU-seconds per million events, from a full topic to the last commit.
#
#   benches/end-to-end.sh [EVENTS] [CUSTOMERS] [RUNS]
#
# Starts a broker of its own on loopback and ends it. Prints one line a run: events a second of wall time, CPU-seconds
# of the service and of the broker per million events, and the service's peak memory. After each run a loop without any
# logic reads the same and writes as many and as large records (benches/bare_loop.rs), for comparison.
set -euo pipefail

events=${1:-2000000}
customers=${2:-200000}
runs=${3:-3}
threads=${THREADS:-2}
root=$(cd "$(dirname "$0")/.." && pwd)
libs=${HOMECOMING_KAFKA_LIBS:-$root/.tools/kafka/libs}
homecoming=$root/target/release/homecoming
work=$(mktemp -d)
broker=
service=
trap 'kill $service $broker 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

cargo build --locked --release --quiet --manifest-path "$root/Cargo.toml"
bare_loop=$(cargo bench --locked --no-run --bench bare_loop --message-format=json --quiet --manifest-path "$root/Cargo.toml" |
    python3 -c 'import json, sys; print(*[m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["name"] == "bare_loop"])')

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
kafka=$(free_port) controller=$(free_port) http=$(free_port)

cat > "$work/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$kafka,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$kafka
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$work/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
EOF
kafka_tool() { java -Xmx1g -Dlog4j2.configurationFile="$root/tests/broker/log4j2.yaml" -cp "$libs/*" "$@"; }
kafka_tool kafka.tools.StorageTool format -t "$(kafka_tool kafka.tools.StorageTool random-uuid | tail -1)" \
    -c "$work/server.properties" > "$work/format.log" 2>&1
java -Xmx1g -Dlog4j2.configurationFile="$root/tests/broker/log4j2.yaml" -cp "$libs/*" \
    kafka.Kafka "$work/server.properties" > "$work/broker.log" 2>&1 &
broker=$!

config() { # NAME: topics and group of one run; the input is shared
    cat > "$work/$1.toml" <<EOF
[kafka]
bootstrap_servers = "127.0.0.1:$kafka"
group_id = "$1"
[topics]
returning_customers = "$1-returning"
churn_risk = "$1-risk"
dead_letters = "$1-dead"
state = "$1-state"
[time]
clock = "events"
[engine]
threads = $threads
[http]
listen = "127.0.0.1:$http"
EOF
}

cpu_seconds() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$1/stat"; }
counted() { curl -s "http://127.0.0.1:$http/metrics" | awk '/^homecoming_events_total/ { n += $2 } END { printf "%d", n }'; }

config shop
for _ in $(seq 60); do
    "$homecoming" topics --config "$work/shop.toml" --partitions 4 > "$work/topics.log" 2>&1 && break
    sleep 1
done
"$homecoming" load --config "$work/shop.toml" --events "$events" --customers "$customers" --seed 1 >&2
echo "events=$events customers=$customers threads=$threads cores=$(nproc) partitions=4 commit=100ms"

for run in $(seq "$runs"); do
    config "run$run"
    "$homecoming" topics --config "$work/run$run.toml" --partitions 4 > "$work/topics.log"
    broker_before=$(cpu_seconds "$broker")
    "$homecoming" run --config "$work/run$run.toml" > "$work/run$run.log" &
    service=$!
    until [ "$(counted)" -gt 0 ] 2>/dev/null; do sleep 0.05; done
    started=$(date +%s.%N) before=$(counted)
    until [ "$(counted)" -ge "$events" ]; do sleep 0.2; done
    ended=$(date +%s.%N)
    used=$(cpu_seconds "$service") broker_used=$(cpu_seconds "$broker")
    peak=$(awk '/VmHWM/ { print $2 / 1024 }' "/proc/$service/status")
    python3 - "$events" "$before" "$started" "$ended" "$used" "$broker_before" "$broker_used" "$peak" <<'EOF'
import sys
events, before, started, ended, used, b0, b1, peak = map(float, sys.argv[1:])
print(f"events/s {(events - before) / (ended - started):,.0f}   service CPU-s/M {used / events * 1e6:.2f}   "
      f"broker CPU-s/M {(b1 - b0) / events * 1e6:.2f}   peak MiB {peak:.0f}", flush=True)
EOF
    kill -TERM "$service" && wait "$service" || true
    service=
    config "bare$run"
    "$homecoming" topics --config "$work/bare$run.toml" --partitions 4 > "$work/topics.log"
    "$bare_loop" "127.0.0.1:$kafka" "run$run" "bare$run" "$threads"
done
