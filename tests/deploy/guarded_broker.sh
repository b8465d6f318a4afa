# shellcheck shell=bash disable=SC2154
# Sourced by image.sh: a real Kafka on loopback that demands TLS and grants what it is told to and nothing more.
# Uses its step, fail, and $root $libs $work $password $python; sets $broker $open $guarded $mutual.

free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

kafka_tool() {
    java -Xmx512m -Dlog4j2.configurationFile="$root/tests/broker/log4j2.yaml" -cp "$libs/*" "$@"
}

# An authority, and one certificate each for the broker and for the user.
certificates() {
    local one
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout "$work/ca.key" -out "$work/ca.crt" \
        2> /dev/null
    for one in broker homecoming; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$one" -keyout "$work/$one.key" -out "$work/$one.csr" 2> /dev/null
        openssl x509 -req -in "$work/$one.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
            -extfile <(echo subjectAltName=IP:127.0.0.1) -out "$work/$one.crt" 2> /dev/null
    done
    cat "$work/broker.key" "$work/broker.crt" > "$work/broker.pem"
}

# Three listeners: open to whoever administrates; SCRAM over TLS; TLS with a certificate of the client. Who is not
# granted anything may do nothing.
brokers() {
    local controller
    step "a real broker that demands TLS, and to know who comes"
    certificates
    open=$(free_port) guarded=$(free_port) mutual=$(free_port) controller=$(free_port)
    cat > "$work/server.properties" <<X
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=OPEN://127.0.0.1:$open,GUARDED://127.0.0.1:$guarded,MUTUAL://127.0.0.1:$mutual,CONTROLLER://127.0.0.1:$controller
advertised.listeners=OPEN://127.0.0.1:$open,GUARDED://127.0.0.1:$guarded,MUTUAL://127.0.0.1:$mutual
controller.listener.names=CONTROLLER
inter.broker.listener.name=OPEN
listener.security.protocol.map=CONTROLLER:PLAINTEXT,OPEN:PLAINTEXT,GUARDED:SASL_SSL,MUTUAL:SSL
ssl.keystore.type=PEM
ssl.keystore.location=$work/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=$work/ca.crt
listener.name.mutual.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=(.*)\$/\$1/
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.guarded.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
log.dirs=$work/kafka
$(cat "$root/tests/broker/single.properties")
X
    kafka_tool kafka.tools.StorageTool format -t "$(kafka_tool kafka.tools.StorageTool random-uuid 2> /dev/null | tail -1)" \
        -c "$work/server.properties" --add-scram "SCRAM-SHA-512=[name=homecoming,password=$password]" \
        > "$work/format.log" 2>&1 || fail "$(tail -3 "$work/format.log")"
    java -Xmx1g -Dlog4j2.configurationFile="$root/tests/broker/log4j2.yaml" -cp "$libs/*" \
        kafka.Kafka "$work/server.properties" > "$work/broker.log" 2>&1 < /dev/null &
    broker=$!
    for try in $(seq 60); do
        (exec 3<> "/dev/tcp/127.0.0.1/$open") 2> /dev/null && break
        kill -0 $broker 2> /dev/null || fail "the broker ended: $(tail -3 "$work/broker.log")"
        [ "$try" -lt 60 ] || fail "the broker does not answer"
        sleep 1
    done
}

# Grants what a rendered KafkaUser asks for, one call for each set of operations.
granted() { # RENDERED
    "$python" - "$1" > "$work/grants" <<'X'
import collections, sys, yaml
user = next(one for one in yaml.safe_load_all(open(sys.argv[1])) if one and one["kind"] == "KafkaUser")
flags = {"topic": "--topic", "group": "--group", "transactionalId": "--transactional-id"}
patterns = {"literal": "literal", "prefix": "prefixed"}
calls = collections.defaultdict(list)
for acl in user["spec"]["authorization"]["acls"]:
    of = acl["resource"]
    calls[tuple(acl["operations"]), patterns[of["patternType"]]] += [flags[of["type"]], of["name"]]
for (operations, pattern), names in calls.items():
    print("--resource-pattern-type", pattern, *(f"--operation {one}" for one in operations), *names)
X
    while read -r grant; do
        # shellcheck disable=SC2086
        kafka_tool org.apache.kafka.tools.AclCommand --bootstrap-server "127.0.0.1:$open" --add \
            --allow-principal User:homecoming $grant > "$work/acl.log" 2>&1 < /dev/null || fail "$(tail -3 "$work/acl.log")"
    done < "$work/grants"
    sed 's/^/  granted: /; s/--resource-pattern-type //; s/--operation //g' "$work/grants"
}
