#!/usr/bin/env bash
# A broker to try things out with, and Kafka's own tools, from the jars of the tests (`make setup`). For one machine and
# for an hour: no security, and everything is forgotten at the end.
#
#   tests/broker/kafka.sh server                         a broker at 127.0.0.1:9092 (PORT=…, CONTROLLER_PORT=…), until Ctrl-C
#   tests/broker/kafka.sh console-producer ARGUMENTS     as kafka-console-producer.sh
#   tests/broker/kafka.sh console-consumer ARGUMENTS     as kafka-console-consumer.sh
#   tests/broker/kafka.sh configs ARGUMENTS              as kafka-configs.sh
#   tests/broker/kafka.sh consumer-groups ARGUMENTS      as kafka-consumer-groups.sh
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
libs=${HOMECOMING_KAFKA_LIBS:-$here/../../.tools/kafka/libs}
port=${PORT:-9092}
controller=${CONTROLLER_PORT:-$((port + 1))}

give_up() {
    echo "kafka.sh: $1" >&2
    exit 1
}

[ -f "$libs/.resolved-from" ] || give_up "no Kafka in $libs: run \`make setup\`"

# Takes the place of the shell that calls it.
java_with() { # MEMORY CLASS ARGUMENTS…
    # What a logging library says of itself is no news.
    exec java "-Xmx$1" -Dlog4j2.configurationFile="$here/log4j2.yaml" -cp "$libs/*" "${@:2}" 2> >(grep -v "^SLF4J:" >&2)
}

is_open() { (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; }

server() {
    # Not local: the trap outlives this function.
    ! is_open || give_up "something answers at 127.0.0.1:$port already; choose another PORT"
    work=$(mktemp -d)
    broker=
    trap 'kill $broker 2> /dev/null || true; wait 2> /dev/null || true; rm -rf "$work"' EXIT
    trap 'exit 0' INT TERM
    cat > "$work/server.properties" << END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$work/data
$(cat "$here/single.properties")
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
log.cleaner.dedupe.buffer.size=16777216
END
    (java_with 512m kafka.tools.StorageTool format -t aG9tZWNvbWluZy10ZXN0cw -c "$work/server.properties") \
        > "$work/format.log" 2>&1 || give_up "the broker's storage could not be formatted: $(cat "$work/format.log")"
    java_with 1g kafka.Kafka "$work/server.properties" &
    broker=$!
    until is_open; do
        kill -0 "$broker" 2> /dev/null || give_up "the broker ended, see above"
        sleep 0.2
    done
    echo "Kafka answers at 127.0.0.1:$port; Ctrl-C ends it"
    wait "$broker"
}

case ${1:-} in
    server) server ;;
    console-producer) java_with 256m org.apache.kafka.tools.ConsoleProducer "${@:2}" ;;
    console-consumer) java_with 256m org.apache.kafka.tools.consumer.ConsoleConsumer "${@:2}" ;;
    configs) java_with 256m kafka.admin.ConfigCommand "${@:2}" ;;
    consumer-groups) java_with 256m org.apache.kafka.tools.consumer.group.ConsumerGroupCommand "${@:2}" ;;
    *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
