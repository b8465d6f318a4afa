# Sourced by the benchmarks: a release build, a broker of its own on loopback, and configurations for it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
libs=${HOMECOMING_KAFKA_LIBS:-$root/.tools/kafka/libs}
homecoming=$root/target/release/homecoming
threads=${THREADS:-2}
work=$(mktemp -d)
broker=
service=
trap 'kill $service $broker 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

cargo build --locked --release --quiet --manifest-path "$root/Cargo.toml"

bench_program() { # NAME: builds a program of benches/ and prints its path
    cargo bench --locked --no-run --bench "$1" --message-format=json --quiet --manifest-path "$root/Cargo.toml" |
        python3 -c 'import json, sys; print(*[m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["name"] == sys.argv[1]])' "$1"
}

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
# Nothing is compacted meanwhile: the cleaner would work on what one run wrote at the cost of the next one, and leave of it
# what is no fair sample of its sizes.
log.cleaner.min.compaction.lag.ms=86400000
$(cat "$root/tests/broker/single.properties")
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
committed() { curl -s "http://127.0.0.1:$http/metrics" | awk '/^homecoming_commits_total.*committed/ { printf "%d", $2 }'; }

for _ in $(seq 60); do
    config shop
    "$homecoming" topics --config "$work/shop.toml" --partitions 4 > "$work/topics.log" 2>&1 && break
    sleep 1
done

start_service() { # NAME [LOG]: with that run's configuration
    "$homecoming" run --config "$work/$1.toml" > "$work/${2:-$1}.log" &
    service=$!
}
ready() { until curl -sf "http://127.0.0.1:$http/readyz" > /dev/null; do sleep 0.05; done; }
stop_service() {
    kill -TERM "$service" && wait "$service" || true
    service=
}
