#!/usr/bin/env bash
# A Kubernetes on this machine's loopback: real etcd, API server, controllers and scheduler; three nodes in three zones
# that kwok plays. Pods are scheduled, evicted and replaced as anywhere, but no container runs.
#
#   cluster.sh up FOLDER      about 10 s and 700 MB; then: export KUBECONFIG=FOLDER/kubeconfig
#   cluster.sh down FOLDER    ends the processes it started, by their ids
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$here/../.." && pwd)/.tools/deploy/bin

free_ports() { # HOW MANY
    python3 -c '
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in held))' "$1"
}

begin() { # NAME PROGRAM ARGUMENTS...
    local name=$1
    shift
    nohup "$@" > "$name.log" 2>&1 &
    echo $! > "$name.pid"
}

give_up() {
    echo "tests/deploy/cluster.sh: $1" >&2
    exit 1
}

up() {
    local folder token client peer api kcm sched kwok try node
    folder=$(mkdir -p "$1/pki" && cd "$1" && pwd)
    cd "$folder"
    read -r client peer api kcm sched kwok < <(free_ports 6)
    openssl genrsa -out pki/sa.key 2048 2> /dev/null
    openssl rsa -in pki/sa.key -pubout -out pki/sa.pub 2> /dev/null
    token=$(openssl rand -hex 16)
    (umask 077 && echo "$token,admin,admin,\"system:masters\"" > tokens.csv)

    begin etcd "$bin/etcd" --data-dir "$folder/etcd" --listen-client-urls "http://127.0.0.1:$client" \
        --advertise-client-urls "http://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peer" \
        --initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer"
    begin apiserver "$bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$client" --bind-address=127.0.0.1 \
        --advertise-address=127.0.0.1 --secure-port="$api" --cert-dir="$folder/pki" --profiling=false \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=pki/sa.pub \
        --service-account-signing-key-file=pki/sa.key --service-cluster-ip-range=10.96.0.0/16 \
        --authorization-mode=RBAC --token-auth-file=tokens.csv
    (
        umask 077
        cat > kubeconfig <<X
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "https://127.0.0.1:$api", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: $token}}]
contexts: [{name: here, context: {cluster: here, user: admin}}]
current-context: here
X
    )
    export KUBECONFIG=$folder/kubeconfig
    for try in $(seq 120); do
        "$bin/kubectl" get --raw /readyz > /dev/null 2>&1 && break
        kill -0 "$(cat apiserver.pid)" 2> /dev/null || { tail -5 apiserver.log >&2; give_up "the API server ended"; }
        [ "$try" -lt 120 ] || give_up "the API server does not get ready; see $folder/apiserver.log"
        sleep 1
    done
    begin controllers "$bin/kube-controller-manager" --kubeconfig=kubeconfig --leader-elect=false \
        --bind-address=127.0.0.1 --secure-port="$kcm" --cert-dir="$folder/pki-controllers" \
        --node-monitor-grace-period=86400s --service-account-private-key-file=pki/sa.key \
        --root-ca-file=pki/apiserver.crt
    begin scheduler "$bin/kube-scheduler" --kubeconfig=kubeconfig --leader-elect=false --bind-address=127.0.0.1 \
        --secure-port="$sched" --cert-dir="$folder/pki-scheduler"
    for node in 1 2 3; do
        cat <<X
---
apiVersion: v1
kind: Node
metadata:
  name: node-$node
  labels: {kubernetes.io/hostname: node-$node, topology.kubernetes.io/zone: zone-$node}
status:
  allocatable: {cpu: "8", memory: 32Gi, pods: "110", ephemeral-storage: 100Gi}
  capacity: {cpu: "8", memory: 32Gi, pods: "110", ephemeral-storage: 100Gi}
X
    done | "$bin/kubectl" apply -f - > /dev/null
    begin kwok "$bin/kwok" --kubeconfig=kubeconfig --config "$here/kwok.yaml" --manage-all-nodes=true \
        --server-address="127.0.0.1:$kwok"
    "$bin/kubectl" wait --for=condition=Ready nodes --all --timeout=60s > /dev/null \
        || give_up "the nodes do not get ready; see $folder/kwok.log"
}

down() {
    local file
    for file in "$1"/*.pid; do
        [ -f "$file" ] || continue
        # Not TERM: the API server would hold its port for a minute.
        kill -KILL "$(cat "$file")" 2> /dev/null || true
        rm -f "$file"
    done
}

case "${1:-} ${2:+folder}" in
"up folder") up "$2" ;;
"down folder") down "$2" ;;
*) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
