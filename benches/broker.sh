# Sourced by the benchmarks: a release build, brokers of its own on loopback, and configurations for them. One broker that
# keeps everything once, or with BROKERS=3 a cluster as one runs it: everything thrice, and acknowledged by two.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
libs=${HOMECOMING_KAFKA_LIBS:-$root/.tools/kafka/libs}
homecoming=$root/target/release/homecoming
threads=${THREADS:-2}
nodes=${BROKERS:-1}
work=$(mktemp -d)
brokers=()
service=
trap 'kill $service "${brokers[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

cargo build --locked --release --quiet --manifest-path "$root/Cargo.toml"

bench_program() { # NAME: builds a program of benches/ and prints its path
    cargo bench --locked --no-run --bench "$1" --message-format=json --quiet --manifest-path "$root/Cargo.toml" |
        python3 -c 'import json, sys; print(*[m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["name"] == sys.argv[1]])' "$1"
}

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
kafka=$(free_port) http=$(free_port)

controllers=()
for node in $(seq "$nodes"); do controllers+=("$node@127.0.0.1:$(free_port)"); done
voters=$(IFS=,; echo "${controllers[*]}")

properties() { # NODE PORT
    cat <<EOF
process.roles=broker,controller
node.id=$1
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://${controllers[$1 - 1]#*@}
advertised.listeners=PLAINTEXT://127.0.0.1:$2
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$work/data$1
# Nothing is compacted meanwhile: the cleaner would work on what one run wrote at the cost of the next one, and leave of it
# what is no fair sample of its sizes.
log.cleaner.min.compaction.lag.ms=86400000
$(cat "$root/tests/broker/single.properties")
EOF
    [ "$nodes" -lt 3 ] || cat <<EOF
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
EOF
}

kafka_tool() { java -Xmx1g -Dlog4j2.configurationFile="$root/tests/broker/log4j2.yaml" -cp "$libs/*" "$@"; }
cluster=$(kafka_tool kafka.tools.StorageTool random-uuid | tail -1)
for node in $(seq "$nodes"); do
    port=$kafka
    [ "$node" -eq 1 ] || port=$(free_port)
    properties "$node" "$port" > "$work/server$node.properties"
    kafka_tool kafka.tools.StorageTool format -t "$cluster" -c "$work/server$node.properties" > "$work/format$node.log" 2>&1
    java -Xmx1g -Dlog4j2.configurationFile="$root/tests/broker/log4j2.yaml" -cp "$libs/*" \
        kafka.Kafka "$work/server$node.properties" > "$work/broker$node.log" 2>&1 &
    brokers+=($!)
done

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

cpu_seconds() { # PID...: of all together
    local pid
    for pid in "$@"; do cat "/proc/$pid/stat"; done |
        awk -v hz="$(getconf CLK_TCK)" '{ ticks += $14 + $15 } END { print ticks / hz }'
}
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
