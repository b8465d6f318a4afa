#!/usr/bin/env bash
# Proves the deployment: the chart, the plain manifest and the image. `make test-deploy` calls it. It makes ready what
# it needs in .tools/deploy (the first time about 20 minutes on two cores), prints what it saw, and fails at the first
# thing that is not as it must be. Ready, all steps take about 5 minutes.
#
#   tests/deploy/run.sh                all steps
#   tests/deploy/run.sh chart cluster  some: quick chart cluster image
#
# The image is tested with the program at HOMECOMING_BINARY, target/release/homecoming unless set.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.tools/deploy
chart=$root/deploy/helm/homecoming
binary=${HOMECOMING_BINARY:-$root/target/release/homecoming}
export PATH=$tools/bin:$PATH
work=$(mktemp -d)
trap 'leave $?' EXIT

leave() { # STATUS
    "$here/cluster.sh" down "$work/cluster"
    if [ "$1" = 0 ]; then
        rm -rf "$work"
    else
        echo "tests/deploy/run.sh: failed; logs are kept in $work" >&2
    fi
}

step() {
    printf '\n== %s\n' "$1"
}

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

examples() {
    local file
    for file in "$chart"/ci/*-values.yaml; do
        basename "$file" -values.yaml
    done
}

render() { # EXAMPLE [arguments of helm template...]
    local example=$1
    shift
    helm template homecoming "$chart" --namespace homecoming --kube-version 1.36.3 \
        --values "$chart/ci/$example-values.yaml" "$@"
}

quick() {
    step "copies, versions, keys and stamps are current"
    python3 "$here/quick.py"
}

chart() {
    local example
    step "lint"
    helm lint "$chart" --strict --quiet --kube-version 1.36.3
    for example in $(examples); do
        helm lint "$chart" --strict --quiet --kube-version 1.36.3 --values "$chart/ci/$example-values.yaml"
    done

    step "unit tests"
    helm-unittest "$chart" | tail -5

    step "the README is what helm-docs makes of the values"
    cp -r "$chart" "$work/docs"
    helm-docs --chart-search-root "$work/docs" --sort-values-order file --log-level warning
    diff "$chart/README.md" "$work/docs/README.md" || fail "README.md is not current; run deploy/helm/readme.sh"

    step "the plain manifest is what the chart renders"
    python3 "$root/deploy/manifests/render.py" --check

    step "examples render, and twice the same"
    mkdir -p "$work/examples"
    for example in $(examples); do
        render "$example" > "$work/examples/$example.yaml"
        render "$example" | cmp "$work/examples/$example.yaml" - || fail "$example renders differently each time"
        echo "  $example: $(grep -c '^kind:' "$work/examples/$example.yaml") objects"
    done

    step "the service accepts each example's configuration"
    accepted

    step "kube-score and checkov"
    "$here/exceptions.py" "$tools/bin" "$work"/examples/*.yaml
}

# With a token where the chart would mount one. The file is judged before anybody is asked for brokers.
accepted() {
    local example
    [ -x "$binary" ] || fail "there is no $binary; build it, or set HOMECOMING_BINARY"
    echo token > "$work/token"
    for example in $(examples); do
        render "$example" --show-only templates/configmap.yaml | sed -n 's/^    //p' \
            | sed -n '/^# Written by the chart/,$p' | sed "s|/run/secrets/homecoming/token|$work/token|" > "$work/$example.toml"
        timeout 60 "$binary" check --config "$work/$example.toml" > "$work/$example.check" 2>&1 || true
        grep -q "is a valid configuration" "$work/$example.check" || fail "$example: $(cat "$work/$example.check")"
        echo "  $example: valid, $(grep -c = "$work/$example.toml") options"
    done
}

image() {
    step "the image, built without a daemon and run as a cluster would"
    "$here/image.sh" "$binary"
}

[ $# -gt 0 ] || set -- quick chart cluster image
for part in "$@"; do
    case $part in quick | chart | cluster | image) ;; *) fail "no such step: $part" ;; esac
done
started=$(date +%s)
[ "$*" = quick ] || [ "$*" = image ] || "$here/tools.sh"
for part in "$@"; do
    if [ "$part" = cluster ]; then
        "$here/crds.sh"
        # shellcheck source=tests/deploy/on_cluster.sh
        . "$here/on_cluster.sh"
    fi
    "$part"
done
printf '\nall is well, after %s s: %s\n' "$(($(date +%s) - started))" "$*"
