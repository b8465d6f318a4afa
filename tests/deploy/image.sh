#!/usr/bin/env bash
# Builds the image without a daemon, looks into it, and runs it by runc as the chart's pods would run: as the user that
# a KafkaUser of the chart makes, on a real Kafka that grants that user what the chart asks for and nothing more.
#
#   image.sh [PROGRAM]      needs root and a Debian, for runc and the packages that the image is made of
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.tools/deploy
chart=$root/deploy/helm/homecoming
program=${1:-$root/target/release/homecoming}
libs=${HOMECOMING_KAFKA_LIBS:-$root/.tools/kafka/libs}
python=$tools/checkov/bin/python
export PATH=$tools/bin:$PATH
work=$(mktemp -d)
broker=
name=homecoming-test-$$
events=20000
# As a Secret would hold it.
password=$(openssl rand -hex 16)
token=$(openssl rand -hex 16)
trap 'leave $?' EXIT

leave() { # STATUS
    local one
    for one in $(runc list -q 2> /dev/null | grep "^$name-" || true); do
        runc delete -f "$one" || true
    done
    [ -z "$broker" ] || kill "$broker" 2> /dev/null || true
    wait 2> /dev/null || true
    if [ "$1" = 0 ]; then
        rm -rf "$work"
    else
        echo "tests/deploy/image.sh: failed; logs are kept in $work" >&2
    fi
}

step() {
    printf '\n-- %s\n' "$1"
}

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

# What the machine lacks of runc, buildah and what unpacks images.
programs() {
    local missing=()
    command -v buildah > /dev/null || missing+=(buildah)
    command -v umoci > /dev/null || missing+=(umoci)
    command -v runc > /dev/null || missing+=(runc)
    command -v strip > /dev/null || missing+=(binutils)
    command -v curl > /dev/null || missing+=(curl)
    [ "$(id -u)" = 0 ] || fail "the image's test needs root, to run containers"
    [ ${#missing[@]} = 0 ] || {
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > "$work/apt.log"
    }
    "$here/tools.sh" helm checkov
    "$root/tests/broker/setup.sh"
}

# Twice, for the same program must make the same image.
built() {
    step "built, twice the same"
    "$root/deploy/image/build.sh" "$work/image" "$program" | tee "$work/built.log"
    "$root/deploy/image/build.sh" "$work/again" "$program" > /dev/null
    cmp "$work/image/oci/index.json" "$work/again/oci/index.json" || fail "the same program makes another image"
    version=$("$program" --version | sed 's/^homecoming //')
    umoci unpack --image "$work/image/oci:$version" "$work/unpacked" > "$work/umoci.log" 2>&1
}

looked_into() {
    local rootfs=$work/unpacked/rootfs found
    step "looked into"
    found=$(find "$rootfs" -xdev \( -perm -4000 -o -perm -2000 \) | head -3)
    [ -z "$found" ] || fail "set-uid: $found"
    found=$(find "$rootfs" -xdev ! -type l -perm -0002 ! -path "$rootfs/tmp" | head -3)
    [ -z "$found" ] || fail "everybody may write: $found"
    found=$(find "$rootfs" -xdev ! -uid 0 | head -3)
    [ -z "$found" ] || fail "not root's: $found"
    found=$(find "$rootfs" -xdev -type f -perm -0100 ! -name '*.so*' | sed "s|$rootfs||" | sort | xargs)
    [ "$found" = "/usr/local/bin/healthcheck /usr/local/bin/homecoming" ] || fail "programs: $found"
    [ "$(grep -c 'BEGIN CERTIFICATE' "$rootfs/etc/ssl/certs/ca-certificates.crt")" -gt 100 ] || fail "no authorities"
    python3 - "$work/image/oci" "$version" <<'X'
import json, pathlib, sys
blobs = pathlib.Path(sys.argv[1])
read = lambda digest: json.loads((blobs / "blobs" / digest.replace(":", "/")).read_text())
index = json.loads((blobs / "index.json").read_text())
config = read(read(index["manifests"][0]["digest"])["config"]["digest"])["config"]
assert config["User"] == "65532:65532", config["User"]
assert config["Labels"]["org.opencontainers.image.version"] == sys.argv[2], config["Labels"]
assert len(config["Labels"]["org.opencontainers.image.revision"]) >= 7, config["Labels"]
assert config["StopSignal"] == "SIGTERM", config
print("  labels:", ", ".join(f"{key.rsplit('.', 1)[1]} {value[:40]}" for key, value in config["Labels"].items() if "opencontainers" in key))
X
    echo "  programs: $found; nothing set-uid, nothing that others may write but /tmp"
}

render() { # FILE [arguments of helm template...]
    local file=$1
    shift
    helm template homecoming "$chart" --namespace homecoming --kube-version 1.36.3 \
        --set "extraEnv[0].name=HOMECOMING__HTTP__LISTEN" --set "extraEnv[0].value=127.0.0.1:$http" \
        --set config.time.clock=events "$@" > "$file"
}

bundle() { # NAME RENDERED KIND [arguments of bundle.py...]
    local bundle=$1
    shift
    "$python" "$here/bundle.py" "$work/unpacked" "$1" "$2" "$work/$bundle" --secret "homecoming/password=$password" \
        --secret "homecoming/user.crt=$(< "$work/homecoming.crt")" --secret "homecoming/user.key=$(< "$work/homecoming.key")" \
        --secret "shop-cluster-ca-cert/ca.crt=$(< "$work/ca.crt")" --secret "homecoming-api/token=$token" "${@:3}"
}

# A container that ends by itself.
once() { # NAME
    timeout 120 runc run --bundle "$work/$1" "$name-$1" > "$work/$1.log" 2>&1 < /dev/null \
        || { tail -5 "$work/$1.log" >&2; fail "$1 ended with another code than 0"; }
}

prepared() {
    step "topics by the chart's Job, a shop, the rights of the chart's KafkaUser"
    http=$(free_port)
    render "$work/open.yaml" --values "$chart/ci/small-values.yaml" --set config.kafka.bootstrap_servers="127.0.0.1:$open"
    bundle topics "$work/open.yaml" Job
    once topics
    sed 's/^/  /' "$work/topics.log"
    bundle load "$work/open.yaml" StatefulSet \
        -- load --config /etc/homecoming/homecoming.toml --events "$events" --customers 2000
    once load
    guarded_by "$work/guarded.yaml"
    ungranted
    guarded_by "$work/least.yaml" --set strimzi.user.describeConfigs=false
    granted "$work/least.yaml"
}

guarded_by() { # FILE [arguments of helm template...]
    render "$1" --values "$chart/ci/strimzi-values.yaml" --set config.kafka.bootstrap_servers="127.0.0.1:$guarded" \
        --set http.token.existingSecret=homecoming-api "${@:2}"
}

# The service needs no right to see settings; `check` is content only with it.
checked() {
    step "homecoming check, with the right to see the topics' settings besides"
    granted "$work/guarded.yaml"
    bundle check "$work/guarded.yaml" StatefulSet -- check --config /etc/homecoming/homecoming.toml
    once check
    ! grep -E '^(FAIL|warn)' "$work/check.log" || fail "check is not content"
    echo "  by SCRAM over TLS: ok: $(grep -c '^ok' "$work/check.log"), warn: 0, FAIL: 0"
    render "$work/mutual.yaml" --values "$chart/ci/strimzi-tls-values.yaml" \
        --set config.kafka.bootstrap_servers="127.0.0.1:$mutual"
    bundle certified "$work/mutual.yaml" StatefulSet -- check --config /etc/homecoming/homecoming.toml
    once certified
    ! grep -E '^(FAIL|warn)' "$work/certified.log" || fail "check is not content"
    echo "  by a certificate: ok: $(grep -c '^ok' "$work/certified.log"), warn: 0, FAIL: 0"
}

# The broker must refuse who has no rights yet, or the rights prove nothing.
ungranted() {
    bundle stranger "$work/guarded.yaml" StatefulSet -- check --config /etc/homecoming/homecoming.toml
    ! timeout 120 runc run --bundle "$work/stranger" "$name-stranger" > "$work/stranger.log" 2>&1 < /dev/null \
        || fail "check is content without any rights"
    grep -q 'may not be seen' "$work/stranger.log" || fail "$(tail -3 "$work/stranger.log")"
    echo "  without rights: $(grep -c '^FAIL' "$work/stranger.log") things would fail"
}

metric() { # NAME: the sum of its series
    curl -sf "http://127.0.0.1:$http/metrics" | awk -v name="$1" '$1 ~ "^"name"({|$)" { n += $2 } END { printf "%d", n }'
}

until_true() { # WHAT COMMAND...
    local what=$1 try
    shift
    for try in $(seq 600); do
        "$@" && return
        runc state "$name-run" 2> /dev/null | grep -q '"running"' || { tail -5 "$work/run.log" >&2; fail "it ended"; }
        sleep 0.2
    done
    tail -5 "$work/run.log" >&2
    fail "$what"
}

is_ready() {
    curl -sf "http://127.0.0.1:$http/readyz" > "$work/readyz" 2> /dev/null
}

has_read_all() {
    [ "$(metric homecoming_events_total)" -ge "$events" ]
}

status_of() { # FIELD of /proc/PID/status
    awk -v field="$1:" '$1 == field { print $2 }' "/proc/$(cat "$work/run.pid")/status"
}

begin() {
    runc run --detach --pid-file "$work/run.pid" --bundle "$work/run" "$name-run" >> "$work/run.log" 2>&1 < /dev/null
}

start() {
    begin
    until_true "it does not get ready" is_ready
}

# As the kubelet would: TERM, the grace period, KILL. Its exit code is not to be had from runc; its last words are.
stop() {
    local grace waited pid
    pid=$(cat "$work/run.pid")
    grace=$(sed -n 's/ *terminationGracePeriodSeconds: //p' "$work/guarded.yaml")
    waited=$(date +%s%N)
    runc kill "$name-run" TERM
    for try in $(seq $((grace * 10))); do
        # A zombie has ended, too, where nobody collects it.
        grep -qs '^State:.[^Z]' "/proc/$pid/status" || break
        [ "$try" -lt $((grace * 10)) ] || fail "it does not end within its grace period of $grace s"
        sleep 0.1
    done
    echo "  ended after $((($(date +%s%N) - waited) / 1000000)) ms; grace period $grace s"
    runc delete -f "$name-run"
    ! grep -E '"level":"(ERROR|error)"' "$work/run.log" || fail "it complained"
}

ran() {
    local pid customers
    step "the service, as the pod homecoming-0"
    bundle run "$work/guarded.yaml" StatefulSet --pod homecoming-0
    start
    until_true "it does not read all" has_read_all
    pid=$(cat "$work/run.pid")
    [ "$(status_of Uid)" = 65532 ] || fail "it runs as $(status_of Uid)"
    [ "$(status_of CapEff)$(status_of CapPrm)$(status_of CapBnd)" = "$(printf '0%.0s' {1..48})" ] || fail "it has capabilities"
    [ "$(status_of NoNewPrivs)" = 1 ] || fail "it may gain privileges"
    awk '$5 == "/" { print $6 }' "/proc/$pid/mountinfo" | grep -q '^ro' || fail "its root can be written to"
    customers=$(metric homecoming_customers)
    echo "  uid $(status_of Uid), capabilities $(status_of CapEff), no_new_privs $(status_of NoNewPrivs), root read-only"
    echo "  read $(metric homecoming_events_total) events, knows $customers customers," \
        "signals $(metric homecoming_signals_total), $(status_of VmRSS | awk '{ printf "%d MiB", $1 / 1024 }')"
    [ "$customers" -gt 0 ] || fail "it knows nobody"
    [ "$(metric homecoming_signals_total)" -gt 0 ] || fail "it said nothing"
    [ "$(answer)/$(answer -H "Authorization: Bearer $token")" = 401/200 ] || fail "the API does not ask for the token"
    echo "  the API: 401 without the Secret's token, 200 with it"
    stop

    step "and again, from nothing but Kafka"
    start
    until_true "it does not know its customers again" knows "$customers"
    [ "$(metric homecoming_events_total)" = 0 ] || fail "it read something twice"
    echo "  knows $(metric homecoming_customers) customers, read nothing again"
    stop
}

answer() { # [arguments of curl...]: the status of the API's answer
    curl -s -o /dev/null -w '%{http_code}' "$@" "http://127.0.0.1:$http/api/v1/rates"
}

knows() { # HOW MANY
    [ "$(metric homecoming_customers)" = "$1" ]
}

is_alive() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$http/healthz")" = 200 ]
}

# What the probes ask: nobody may be killed because the brokers are away, and nobody asked who can't answer.
without_brokers() {
    step "without brokers: alive, not ready, ends when told to"
    kill "$broker"
    wait "$broker" 2> /dev/null || true
    broker=
    begin
    until_true "it is not alive" is_alive
    ! is_ready || fail "it says that it is ready"
    echo "  /healthz 200, /readyz: $(curl -s "http://127.0.0.1:$http/readyz" | grep -o '"detail":"[^"]*"')"
    stop
}

# shellcheck source=tests/deploy/guarded_broker.sh
. "$here/guarded_broker.sh"
[ -x "$program" ] || fail "there is no $program; build it, or name another"
programs
built
looked_into
brokers
prepared
ran
checked
without_brokers
