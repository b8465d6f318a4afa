#!/usr/bin/env bash
# Runs the consumers of deploy/examples against a real broker and a real service, and compares what each of them decided
# with what a plain reader of Kafka's own saw in the topics. Among the signals lie aborted transactions, repeated and
# broken ones, and some for the holdout. Installs the consumers' libraries into .tools/consumers, which takes a network
# the first time. A tool that is missing is a failure.
#
#   tests/consumers/run.sh [path of the program]    without one, it is built
#   EVENTS=20000 CUSTOMERS=2000 SEED=5              the shop
#   CONSUMERS="python java node go"                 which
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
examples=$root/deploy/examples
# Without symbolic links: npm takes a project behind one for a dependency of itself.
mkdir -p "$root/.tools/consumers"
tools=$(cd -P -- "$root/.tools/consumers" && pwd)
libs=${HOMECOMING_KAFKA_LIBS:-$root/.tools/kafka/libs}
events=${EVENTS:-20000}
consumers=${CONSUMERS:-python java node go}
program=${1:-}
# Far more than any step takes.
patience=300

give_up() {
    echo "consumers: $1" >&2
    exit 1
}

for tool in curl java mvn python3 node npm go; do
    command -v "$tool" > /dev/null || give_up "$tool is needed"
done
[ -f "$libs/.resolved-from" ] || give_up "no Kafka in $libs: run tests/broker/setup.sh"

# --- the consumers' libraries -------------------------------------------------------------------------------------

# NAME: copies an example to where its libraries may lie beside it; true when they are there already
is_complete() {
    mkdir -p "$tools/$1"
    cp -r "$examples/$1/." "$tools/$1/"
    local wanted
    wanted=$(cat "$examples/$1"/{requirements.txt,package-lock.json,pom.xml} 2> /dev/null | cksum || true)
    [ "$(cat "$tools/$1/.installed" 2> /dev/null)" = "$wanted" ] && return
    echo "$wanted" > "$tools/$1/.wanted"
    return 1
}

installed() { mv "$tools/$1/.wanted" "$tools/$1/.installed"; }

install_python() {
    is_complete python && return
    python3 -m venv --clear "$tools/python/.venv" || give_up 'no venv: on Debian, apt-get install python3-venv'
    "$tools/python/.venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
        -r "$tools/python/requirements.txt" || give_up 'pip could not install what the Python consumer needs'
    installed python
}

install_java() {
    # The compiler itself sees what is to be done.
    if is_complete java; then
        mvn -q -B -o -f "$tools/java/pom.xml" compile || give_up 'the Java consumer does not compile'
        return
    fi
    rm -rf "$tools/java/target"
    mvn -q -B -f "$tools/java/pom.xml" compile dependency:copy-dependencies -DoutputDirectory=target/libs \
        || give_up 'the Java consumer could not be built'
    installed java
}

install_node() {
    is_complete node && return
    # Where the client's compiled part can't be fetched, it is built: that takes minutes, a C++20 compiler and OpenSSL's headers.
    npm ci --prefix "$tools/node" --no-audit --no-fund --silent \
        || CKJS_LINKING=dynamic npm ci --prefix "$tools/node" --no-audit --no-fund --silent \
        || give_up 'npm could not install what the Node consumer needs'
    installed node
}

install_go() {
    mkdir -p "$tools/go"
    (cd "$examples/go" && go vet ./... && go build -mod=readonly -o "$tools/go/signal-reader" .) \
        || give_up 'the Go consumer could not be built'
}

start_python() { exec "$tools/python/.venv/bin/python" "$tools/python/signal_reader.py"; }
start_java() { exec java -Xmx256m -cp "$tools/java/target/classes:$tools/java/target/libs/*" homecoming.SignalReader; }
start_node() { exec node "$tools/node/signal-reader.mjs"; }
start_go() { exec "$tools/go/signal-reader"; }

# The Python consumer's client library disturbs the topics, whoever is tested.
install_python
for consumer in $consumers; do
    "install_$consumer"
done
if [ -z "$program" ]; then
    cargo build --locked --quiet --manifest-path "$root/Cargo.toml"
    program=${CARGO_TARGET_DIR:-$root/target}/debug/homecoming
fi

# --- a broker and a shop ------------------------------------------------------------------------------------------

work=$(mktemp -d)
broker=
service=
reader=
trap 'kill $reader $service $broker 2> /dev/null || true; wait 2> /dev/null || true; rm -rf "$work"' EXIT

# A copy: a build meanwhile must not change what this is about.
cp "$program" "$work/homecoming"
homecoming=$work/homecoming

free_ports() {
    python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[one.getsockname()[1] for one in held])'
}
read -r kafka controller http < <(free_ports)
export BOOTSTRAP_SERVERS=127.0.0.1:$kafka SCHEMAS=$work/schemas

PORT=$kafka CONTROLLER_PORT=$controller "$root/tests/broker/kafka.sh" server > "$work/broker.log" 2>&1 &
broker=$!

cat > "$work/homecoming.toml" << END
[kafka]
bootstrap_servers = "127.0.0.1:$kafka"
[time]
clock = "events"
# However slow the machine, no input is overtaken by another: the same shop leads to the same signals.
merge_wait = "1h"
[risk]
high_value_from = 10.0
[http]
listen = "127.0.0.1:$http"
END

# CONDITION…: until it holds
wait_until() {
    local until=$((SECONDS + patience))
    until "$@"; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.2
    done
}
topics_are_made() { "$homecoming" topics --config "$work/homecoming.toml" --partitions 4 > "$work/topics.log" 2>&1; }
wait_until topics_are_made || give_up "no topics: $(cat "$work/topics.log" "$work/broker.log")"

disturb() { "$tools/python/.venv/bin/python" "$here/disturb.py" "$@"; }

"$homecoming" schema --out "$SCHEMAS" > "$work/schema.log"
disturb abort
"$homecoming" load --config "$work/homecoming.toml" --events "$events" --customers "${CUSTOMERS:-2000}" --seed "${SEED:-5}" \
    > "$work/load.log" 2>&1 || give_up "no shop: $(cat "$work/load.log")"
"$homecoming" run --config "$work/homecoming.toml" > "$work/service.log" 2>&1 &
service=$!
counted() { curl -s "http://127.0.0.1:$http/metrics" | awk '/^homecoming_events_total/ { n += $2 } END { printf "%d", n }'; }
all_is_read() { [ "$(counted)" -ge "$events" ] || ! kill -0 "$service" 2> /dev/null; }
wait_until all_is_read && kill -TERM "$service" && wait "$service" || give_up "the service: $(tail -5 "$work/service.log")"
service=
disturb abort
disturb add

# --- what a plain reader sees, and what is to be decided ----------------------------------------------------------

for topic in returning-customers churn-risk; do
    "$root/tests/broker/kafka.sh" console-consumer --bootstrap-server "$BOOTSTRAP_SERVERS" --topic "$topic" \
        --isolation-level read_committed --from-beginning --timeout-ms 10000 > "$work/$topic.seen" 2> "$work/$topic.log" \
        || give_up "a plain reader failed: $(tail -5 "$work/$topic.log")"
done
python3 "$here/expected.py" "$work/returning-customers.seen" "$work/churn-risk.seen" | sort > "$work/expected"
wanted=$(wc -l < "$work/expected")
checksum() { cut -f1 "$1" | sort | sha256sum | cut -c1-16; }
echo "a plain read_committed reader: $wanted records, ids $(checksum "$work/expected")"
cut -f2 "$work/expected" | sort | uniq -c | sort -rn

# --- the consumers ------------------------------------------------------------------------------------------------

# CONSUMER GROUP FILE: starts it; what it says goes behind what is in the file
start() {
    GROUP_ID=$2 "start_$1" >> "$3" 2>> "$3.errors" &
    reader=$!
}
# CONSUMER: SIGTERM, and an end that is a good one; a JVM says 143 for it
stop() {
    local status=0
    kill -TERM "$reader" || give_up "$1 had ended by itself: $(tail -5 "$2.errors")"
    wait "$reader" || status=$?
    reader=
    [ "$status" -eq 0 ] || { [ "$1" = java ] && [ "$status" -eq 143 ]; } || give_up "$1 ended with $status: $(tail -5 "$2.errors")"
}
# Who has nothing left to say could be told to stop before it listens.
has_joined() { disturb joined "$1" 2> "$work/joined.log"; }
has_said() { [ "$(wc -l < "$1")" -ge "$2" ] || ! kill -0 "$reader" 2> /dev/null; }

for consumer in $consumers; do
    said=$work/$consumer
    : > "$said"
    start "$consumer" "$consumer" "$said"
    wait_until has_said "$said" "$wanted" || give_up "$consumer said $(wc -l < "$said") of $wanted: $(tail -5 "$said.errors")"
    stop "$consumer" "$said"
    diff <(sort "$said") "$work/expected" > "$said.diff" || give_up "$consumer decided otherwise (<) than it should (>):
$(head -10 "$said.diff")
$(tail -5 "$said.errors")"
    disturb committed "$consumer" || give_up "$consumer did not commit all that it handled"

    # Once more, stopped somewhere and started again: nothing is missing, nothing is said twice.
    again=$work/$consumer.again
    : > "$again"
    start "$consumer" "$consumer-again" "$again"
    wait_until has_said "$again" 1 || give_up "$consumer said nothing: $(tail -5 "$again.errors")"
    stop "$consumer" "$again"
    first=$(wc -l < "$again")
    start "$consumer" "$consumer-again" "$again"
    wait_until has_said "$again" "$wanted" || give_up "$consumer said $(wc -l < "$again") of $wanted after a restart: $(tail -5 "$again.errors")"
    wait_until has_joined "$consumer-again" || give_up "$consumer did not come back: $(cat "$work/joined.log")"
    stop "$consumer" "$again"
    [ "$(checksum "$again")" = "$(checksum "$work/expected")" ] || give_up "$consumer, stopped after $first and started again, said
$(diff <(cut -f1 "$again" | sort) <(cut -f1 "$work/expected") | head -5)"
    disturb committed "$consumer-again" || give_up "$consumer did not commit all that it handled"
    echo "$consumer: $(wc -l < "$said") records, ids $(checksum "$said"), every decision as it should be; stopped after $first, started again: the same ids"
done
