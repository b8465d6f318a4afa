#!/bin/sh
# Makes ready what the tests against a real Kafka need: a Java of 17 or later and the broker's jars.
# Safe to call again and again: what is complete is left alone, and then no network is touched.
#
#   HOMECOMING_KAFKA_LIBS   where the jars go (default: .tools/kafka/libs in the repository)
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
libs=${HOMECOMING_KAFKA_LIBS:-$root/.tools/kafka/libs}
# Written last and holding the pom's checksum: without it, or with another one, the jars are not complete.
stamp=$libs/.resolved-from
wanted=$(cksum < "$here/pom.xml")

give_up() {
    echo "homecoming test broker: $1" >&2
    exit 1
}

java_is_recent() {
    command -v java > /dev/null 2>&1 || return 1
    major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9][0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 17 ]
}

jars_are_complete() {
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]
}

missing=''
packages=''
if ! java_is_recent; then
    missing='java 17'
    packages=openjdk-17-jre-headless
fi
if ! jars_are_complete && ! command -v mvn > /dev/null 2>&1; then
    missing="${missing:+$missing and }mvn"
    packages="${packages:+$packages }maven"
fi

if [ -n "$missing" ]; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null 2>&1; then
        give_up "missing: $missing. Install it (on Debian, as root: apt-get install $packages), then run this again"
    fi
    echo "homecoming test broker: installing $packages with apt" >&2
    apt-get update -qq || give_up 'apt-get update failed, see above'
    # Later Debians no longer carry Java 17; their default is newer.
    if ! apt-cache show openjdk-17-jre-headless > /dev/null 2>&1; then
        packages=$(echo "$packages" | sed 's/openjdk-17-jre-headless/default-jre-headless/')
    fi
    # Unquoted: one word a package.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages > /dev/null \
        || give_up "apt-get install $packages failed, see above"
    java_is_recent || give_up 'the java on the PATH is older than 17: put a newer one first'
fi

if jars_are_complete; then
    exit 0
fi

echo "homecoming test broker: resolving Apache Kafka into $libs" >&2
partial=$libs.partial
attempt=1
while :; do
    rm -rf "$partial"
    mkdir -p "$partial"
    if mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$partial"; then
        break
    fi
    [ "$attempt" -lt 3 ] || give_up 'Maven could not resolve the jars, see above; behind a mirror, name it in ~/.m2/settings.xml'
    attempt=$((attempt + 1))
    sleep 5
done
printf '%s\n' "$wanted" > "$partial/.resolved-from"
# In one step, so that an interrupted run never leaves half a set behind.
rm -rf "$libs"
mv "$partial" "$libs"
