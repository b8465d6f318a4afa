#!/usr/bin/env bash
# Makes ready the programs that check the deployment, in .tools/deploy/bin: pinned versions, built from Go modules, and
# Debian packages for the image. Safe to call again and again: what is there in its version is left alone.
#
#   tests/deploy/tools.sh              everything
#   tests/deploy/tools.sh helm etcd    these alone
#
# All from nothing takes about 20 minutes on two busy cores, and 8 GB of disk, Go's caches included.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/.tools/deploy/bin
mkdir -p "$out"

# The Kubernetes that the chart is tested on.
kubernetes=1.36.3
k8s_all=(kube-apiserver kube-controller-manager kube-scheduler kubectl)
all=(helm helm-unittest helm-docs kubeconform kube-score etcd kwok controller-gen "${k8s_all[@]}" checkov)

export CGO_ENABLED=0 GOBIN=$out GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local

give_up() {
    echo "tests/deploy/tools.sh: $1" >&2
    exit 1
}

# A tool is there when the stamp beside it names the version wanted: it is written last.
is_there() { # NAME VERSION
    [ -x "$out/$1" ] && [ "$(cat "$out/.$1.version" 2>/dev/null)" = "$2" ]
}

stamp() { # NAME VERSION
    printf '%s\n' "$2" > "$out/.$1.version"
}

plain() { # NAME VERSION PACKAGE
    is_there "$1" "$2" && return
    echo "building $1 $2" >&2
    go install "$3@$2"
    stamp "$1" "$2"
}

# For modules whose go.mod has replace lines, which `go install` refuses: a module of our own that requires them.
required() { # NAME VERSION PACKAGE MODULE [arguments of go mod edit...]
    local name=$1 version=$2 package=$3 module=$4 folder
    shift 4
    is_there "$name" "$version" && return
    echo "building $name $version" >&2
    folder=$(mktemp -d)
    (
        cd "$folder"
        printf 'module local/tools\n\ngo 1.26.0\n' > go.mod
        printf '//go:build tools\n\npackage tools\n\nimport _ "%s"\n' "$package" > tools.go
        go mod edit -require "$module@$version" "$@"
        go mod tidy > tidy.log 2>&1 || { tail -5 tidy.log >&2; exit 1; }
        go build -ldflags '-s -w' -o "$out/$name" "$package"
    ) || { rm -rf "$folder"; give_up "$name $version can't be built, see above"; }
    rm -rf "$folder"
    stamp "$name" "$version"
}

# Kubernetes' own modules need one replace line each; the list stands in its go.mod.
of_kubernetes() { # NAME
    local name=$1 folder manifest module p=k8s.io/component-base/version q=k8s.io/client-go/pkg/version minor flags
    is_there "$name" "$kubernetes" && return
    echo "building $name $kubernetes" >&2
    minor=${kubernetes#1.}
    minor=${minor%%.*}
    flags="-s -w"
    for at in $p $q; do
        flags+=" -X $at.gitVersion=v$kubernetes -X $at.gitMajor=1 -X $at.gitMinor=$minor -X $at.gitTreeState=clean"
    done
    folder=$(mktemp -d)
    (
        cd "$folder"
        printf 'module local/kubernetes\n\ngo 1.26.0\n' > go.mod
        manifest=$(go mod download -json "k8s.io/kubernetes@v$kubernetes" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
        go mod edit -require "k8s.io/kubernetes@v$kubernetes"
        for module in $(grep -oE '^\s*k8s\.io/[a-z0-9./-]+ => \./staging' "$manifest" | awk '{ print $1 }' | sort -u); do
            go mod edit -replace "$module=$module@v0.${kubernetes#1.}"
        done
        # All four at once, so that they are one module graph, and what they share is compiled once.
        {
            printf '//go:build tools\n\npackage tools\n\n'
            printf 'import _ "k8s.io/kubernetes/cmd/%s"\n' "${k8s_all[@]}"
        } > tools.go
        go mod tidy > tidy.log 2>&1 || { tail -5 tidy.log >&2; exit 1; }
        go build -ldflags "$flags" -o "$out/$name" "k8s.io/kubernetes/cmd/$name"
    ) || { rm -rf "$folder"; give_up "$name $kubernetes can't be built, see above"; }
    rm -rf "$folder"
    stamp "$name" "$kubernetes"
}

checkov() {
    local version=3.3.30
    # What was installed elsewhere and moved here does not run.
    is_there checkov $version && "$out/checkov" --version > /dev/null 2>&1 && return
    echo "installing checkov $version" >&2
    rm -rf "$out/../checkov"
    python3 -m venv "$out/../checkov"
    "$out/../checkov/bin/pip" install --quiet --disable-pip-version-check "checkov==$version"
    ln -sf ../checkov/bin/checkov "$out/checkov"
    stamp checkov $version
}

need_go() {
    local have
    command -v go > /dev/null || give_up "missing: Go 1.26 or later"
    have=$(go env GOVERSION)
    have=${have#go1.}
    [ "${have%%.*}" -ge 26 ] || give_up "Go 1.26 or later is needed, this is $(go env GOVERSION)"
}

[ $# -gt 0 ] || set -- "${all[@]}"
need_go
for name in "$@"; do
    case $name in
    helm) plain helm v3.22.0 helm.sh/helm/v3/cmd/helm ;;
    helm-docs) plain helm-docs v1.14.2 github.com/norwoodj/helm-docs/cmd/helm-docs ;;
    kubeconform) plain kubeconform v0.8.0 github.com/yannh/kubeconform/cmd/kubeconform ;;
    kube-score) plain kube-score v1.20.0 github.com/zegl/kube-score/cmd/kube-score ;;
    kwok) plain kwok v0.8.0 sigs.k8s.io/kwok/cmd/kwok ;;
    helm-unittest)
        required helm-unittest v1.1.2 github.com/helm-unittest/helm-unittest/cmd/helm-unittest \
            github.com/helm-unittest/helm-unittest \
            -replace github.com/vmware-labs/yaml-jsonpath=github.com/helm-unittest/yaml-jsonpath@v0.4.0
        ;;
    etcd) required etcd v3.6.16 go.etcd.io/etcd/server/v3 go.etcd.io/etcd/server/v3 ;;
    controller-gen)
        required controller-gen v0.23.0 sigs.k8s.io/controller-tools/cmd/controller-gen sigs.k8s.io/controller-tools
        ;;
    kube-apiserver | kube-controller-manager | kube-scheduler | kubectl) of_kubernetes "$name" ;;
    checkov) checkov ;;
    *) give_up "no such tool: $name" ;;
    esac
done
