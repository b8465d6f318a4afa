# shellcheck shell=bash disable=SC2154
# Sourced by run.sh: the chart on a real API server with controllers and scheduler; nodes and pods are played by kwok.
# Uses its step, fail, render, examples, and $here $root $tools $chart $work.

cluster() {
    step "a cluster: etcd, API server, controllers, scheduler, three nodes in three zones"
    "$here/cluster.sh" up "$work/cluster"
    export KUBECONFIG=$work/cluster/kubeconfig
    kubectl version 2> /dev/null | sed 's/^/  /'
    kubectl apply --server-side -f "$tools/crds/keda" -f "$tools/crds/prometheus-operator" -f "$tools/crds/strimzi" \
        > "$work/crds.log"
    kubectl wait --for=condition=Established crds --all --timeout=60s > /dev/null
    namespace homecoming

    is_strict
    every_example
    installed
    evicted
    rolled
    scaled
    plain
}

# A namespace that refuses pods below the restricted standard, and warns of workloads that would make such.
namespace() { # NAME
    kubectl create namespace "$1" > /dev/null
    kubectl label namespace "$1" pod-security.kubernetes.io/enforce=restricted \
        pod-security.kubernetes.io/warn=restricted > /dev/null
}

conforms() {
    kubeconform -strict -summary -schema-location "$work/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "$@"
}

# Server-side, and a warning is a failure. A dry run unless told otherwise.
applies() { # [arguments of kubectl apply...]
    kubectl apply --server-side --validate=strict --namespace homecoming "$@" > "$work/apply.log" 2>&1 || return 1
    ! grep -i '^warning' "$work/apply.log"
}

# What can't fail proves nothing: each check is shown one thing that it must refuse.
is_strict() {
    step "the checks themselves see what is wrong"
    kubectl get --raw /openapi/v2 | "$here/schemas.py" "$work/schemas" | sed 's/^/  schemas of the API server: /'
    render default | sed 's/maxUnavailable:/maxUnavailible:/' > "$work/wrong.yaml"
    ! conforms "$work/wrong.yaml" > "$work/wrong.log" || fail "kubeconform does not see a misspelt field"
    ! applies --dry-run=server -f "$work/wrong.yaml" || fail "the API server does not see a misspelt field"
    render default --set securityContext.allowPrivilegeEscalation=true > "$work/lax.yaml"
    ! applies --dry-run=server -f "$work/lax.yaml" > /dev/null || fail "nobody warns of a pod that may escalate"
    echo "  misspelt fields and lax pods are refused: $(grep -io 'would violate PodSecurity "[a-z:]*"' "$work/apply.log" | head -1)"
}

every_example() {
    local example
    step "every example: strict schemas, strict server-side apply, restricted admission"
    for example in $(examples); do
        render "$example" > "$work/$example.yaml"
        conforms "$work/$example.yaml" > "$work/conform.log" || { cat "$work/conform.log" >&2; fail "$example"; }
        applies --dry-run=server -f "$work/$example.yaml" || { cat "$work/apply.log" >&2; fail "$example"; }
        echo "  $example: $(sed -n 's/^Summary: //p' "$work/conform.log"); applied: $(grep -c . "$work/apply.log")"
    done
}

no_difference() { # FILE WHEN
    kubectl diff --server-side --force-conflicts --namespace homecoming -f "$1" > "$work/difference" 2>&1 \
        || { cat "$work/difference" >&2; fail "there is a difference $2"; }
    [ ! -s "$work/difference" ] || fail "there is a difference $2"
    echo "  no difference $2"
}

nodes_and_zones() {
    kubectl get pods --namespace homecoming -l app.kubernetes.io/component=instance \
        -o 'jsonpath={range .items[*]}{.metadata.name}={.spec.nodeName} {end}'
}

installed() {
    step "installed by Helm, ready, spread, without drift"
    helm install homecoming "$chart" --namespace homecoming --set replicas=3 --wait --timeout 3m > "$work/notes.txt"
    grep -q "homecoming 0" "$work/notes.txt" || fail "there are no notes"
    render default --set replicas=3 > "$work/installed.yaml"
    no_difference "$work/installed.yaml" "after helm install"
    applies --force-conflicts -f "$work/installed.yaml" || { cat "$work/apply.log" >&2; fail "apply"; }
    no_difference "$work/installed.yaml" "after a server-side apply"
    echo "  pods: $(nodes_and_zones)"
    [ "$(nodes_and_zones | tr ' ' '\n' | grep -o '=.*' | sort -u | wc -l)" = 3 ] || fail "the pods share nodes"
}

evict() { # POD
    kubectl create --raw "/api/v1/namespaces/homecoming/pods/$1/eviction" -f - <<X
{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "$1", "namespace": "homecoming"}}
X
}

uid() { # POD
    kubectl get pod "$1" --namespace homecoming --ignore-not-found -o 'jsonpath={.metadata.uid}'
}

all_available() { # HOW MANY
    kubectl wait statefulset/homecoming --namespace homecoming --for="jsonpath={.status.availableReplicas}=$1" \
        --timeout=2m > /dev/null || fail "not all of $1 become available"
}

evicted() {
    local try evicted
    step "one eviction is allowed, a second at the same time is not"
    # The budget is reckoned by a controller: it must have seen the pods.
    for try in $(seq 60); do
        [ "$(kubectl get pdb homecoming -n homecoming -o jsonpath='{.status.disruptionsAllowed}')" = 1 ] && break
        [ "$try" -lt 60 ] || fail "the budget allows no disruption"
        sleep 1
    done
    evicted=$(uid homecoming-0)
    evict homecoming-0 > /dev/null || fail "the first eviction is refused"
    ! evict homecoming-1 > "$work/evict.log" 2>&1 || fail "the second eviction is allowed"
    grep -q "violate the pod's disruption budget" "$work/evict.log" || fail "$(cat "$work/evict.log")"
    sed 's/^/  /' "$work/evict.log"
    # It comes back under its name, as another pod.
    for try in $(seq 60); do
        case $(uid homecoming-0) in "" | "$evicted") ;; *) break ;; esac
        [ "$try" -lt 60 ] || fail "the evicted pod does not come back"
        sleep 1
    done
    all_available 3
}

of_set() { # FIELD of the StatefulSet's status
    kubectl get statefulset homecoming --namespace homecoming -o "jsonpath={.status.$1}"
}

rolled() {
    local before after gone ready started
    step "a changed configuration replaces the pods, one at a time"
    before=$(of_set currentRevision)
    started=$(date +%s)
    helm upgrade homecoming "$chart" --namespace homecoming --set replicas=3 --set config.log.level=debug > /dev/null
    gone=0
    # The current revision becomes the update's when all pods are of it.
    until [ "$(of_set currentRevision)" != "$before" ] && [ "$(of_set availableReplicas)" = 3 ]; do
        ready=$(of_set readyReplicas)
        [ $((3 - ${ready:-0})) -le "$gone" ] || gone=$((3 - ${ready:-0}))
        [ $(($(date +%s) - started)) -lt 300 ] || fail "the update does not end"
        sleep 0.3
    done
    after=$(of_set currentRevision)
    [ "$gone" = 1 ] || fail "as many as $gone were away at once"
    echo "  $before -> $after in $(($(date +%s) - started)) s, away at once: $gone"
    render default --set replicas=3 --set config.log.level=debug > "$work/rolled.yaml"
    no_difference "$work/rolled.yaml" "after the update"

    helm upgrade homecoming "$chart" --namespace homecoming --set replicas=3 --set config.log.level=debug \
        --set service.annotations.a=b > /dev/null
    sleep 2
    [ "$(of_set updateRevision)" = "$after" ] \
        || fail "an annotation of the Service replaces pods"
    helm uninstall homecoming --namespace homecoming --wait > /dev/null
}

# KEDA makes an HPA of a ScaledObject and hands the behaviour on; whether that can be is judged by the HPA's own rules.
behaves() {
    kubectl get scaledobject homecoming --namespace homecoming -o json | python3 -c '
import json, sys
of = json.load(sys.stdin)["spec"]
json.dump({
    "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "keda-hpa-homecoming"},
    "spec": {
        "scaleTargetRef": of["scaleTargetRef"], "minReplicas": of["minReplicaCount"], "maxReplicas": of["maxReplicaCount"],
        "behavior": of["advanced"]["horizontalPodAutoscalerConfig"]["behavior"],
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "s0-prometheus"}, "target": {"type": "AverageValue", "averageValue": "1"}}}],
    }}, sys.stdout)' > "$work/hpa.json"
    applies --dry-run=server -f "$work/hpa.json" || { cat "$work/apply.log" >&2; fail "no HPA behaves so"; }
    echo "  the HPA that KEDA would make of it is accepted"
}

scaled() {
    local kept
    step "what an autoscaler did is no drift; topics outlive the release"
    helm install homecoming "$chart" --namespace homecoming --values "$chart/ci/strimzi-values.yaml" \
        --values "$chart/ci/autoscaled-values.yaml" --set config.kafka.bootstrap_servers=shop-kafka-bootstrap:9093 > /dev/null
    behaves
    kubectl scale statefulset homecoming --namespace homecoming --replicas=5 > /dev/null
    all_available 5
    helm template homecoming "$chart" --namespace homecoming --kube-version 1.36.3 \
        --values "$chart/ci/strimzi-values.yaml" --values "$chart/ci/autoscaled-values.yaml" \
        --set config.kafka.bootstrap_servers=shop-kafka-bootstrap:9093 > "$work/scaled.yaml"
    no_difference "$work/scaled.yaml" "with 5 instances that the autoscaler wanted"
    kubectl apply --server-side --force-conflicts --namespace homecoming -f "$work/scaled.yaml" > /dev/null
    [ "$(kubectl get statefulset homecoming -n homecoming -o jsonpath='{.spec.replicas}')" = 5 ] \
        || fail "applying again undoes what the autoscaler did"
    helm uninstall homecoming --namespace homecoming --wait > /dev/null
    kept=$(kubectl get kafkatopics --namespace homecoming --no-headers | wc -l)
    [ "$kept" = 7 ] || fail "$kept of 7 topics outlive the release"
    echo "  topics kept after uninstall: $kept"
    kubectl delete namespace homecoming --wait --timeout=2m > /dev/null
}

plain() {
    step "the plain manifest, and through Kustomize"
    kubectl apply --server-side --validate=strict -f "$root/deploy/manifests/homecoming.yaml" > "$work/plain.log" 2>&1 \
        || { cat "$work/plain.log" >&2; fail "the plain manifest"; }
    ! grep -i '^warning' "$work/plain.log" || fail "the plain manifest is warned of"
    all_available 2
    no_difference "$root/deploy/manifests/homecoming.yaml" "after the plain manifest"
    kubectl diff --server-side -k "$root/deploy/manifests" || fail "Kustomize makes something else of it"
    echo "  pods: $(nodes_and_zones)"
    overlay
}

# The overlay of the README, word for word.
overlay() {
    mkdir -p "$work/overlay/homecoming/deploy"
    cp -r "$root/deploy/manifests" "$work/overlay/homecoming/deploy/"
    sed -n '/^```yaml$/,/^```$/p' "$root/deploy/manifests/README.md" | sed '/^```/d' > "$work/overlay/kustomization.yaml"
    kubectl kustomize "$work/overlay" > "$work/overlay.yaml"
    grep -q 'image: registry.example.com/shop/homecoming:0.1.0' "$work/overlay.yaml" || fail "the overlay's image"
    grep -q 'value: kafka.example.com:9092' "$work/overlay.yaml" || fail "the overlay's brokers"
    grep -q 'HOMECOMING__KAFKA__INSTANCE_ID' "$work/overlay.yaml" || fail "the overlay takes the instance's name away"
    applies --dry-run=server --force-conflicts -f "$work/overlay.yaml" || { cat "$work/apply.log" >&2; fail "overlay"; }
    echo "  the README's overlay is accepted"
}
