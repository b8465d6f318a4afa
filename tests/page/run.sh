#!/usr/bin/env bash
# The live page in a real Chromium: against a made-up shop that answers its API, and against the service.
#
#   tests/page/run.sh                              the made-up shop; then `homecoming demo`, if it is built
#   tests/page/run.sh --broker                     also `homecoming run` on a real Kafka broker
#   tests/page/run.sh --pictures                   also puts the pictures into docs/page
#   tests/page/run.sh --only live.test.mjs         one file of tests
#   tests/page/run.sh --hour [MINUTES [RATE]]      nothing else: an hour of live updates, 20 events a second, and nothing grows
#
# Needs Node 20.10 and npm, Chromium (installed by apt-get where there is none and this is root), and the first time a
# network for npm. Not part of `make check`.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
tools=$root/.tools/page

give_up() {
    echo "page: $1" >&2
    exit 1
}

step() {
    echo "== $1"
}

broker=no
pictures=no
only=()
hour=
while [ $# -gt 0 ]; do
    case $1 in
        --broker) broker=yes; shift ;;
        --pictures) pictures=yes; shift ;;
        --only) only+=("${2:?--only wants a file}"); shift 2 ;;
        --hour) hour=yes; shift; break ;;
        *) give_up "what is $1?" ;;
    esac
done

for tool in node npm; do
    command -v "$tool" >/dev/null || give_up "$tool is needed"
done
if ! command -v chromium >/dev/null; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || give_up 'chromium is needed'
    step 'Chromium, with letters and pictures to draw'
    apt-get -qq -o DPkg::Lock::Timeout=300 update
    apt-get -qq -o DPkg::Lock::Timeout=300 install -y chromium fonts-inter fonts-noto-color-emoji >/dev/null
fi
CHROMIUM=$(command -v chromium)
export CHROMIUM

mkdir -p "$tools"
if ! cmp -s "$here/package-lock.json" "$tools/package-lock.json" || [ ! -d "$tools/node_modules/playwright-core" ]; then
    step "a driver for Chromium and axe's rules, by npm"
    cp "$here/package.json" "$here/package-lock.json" "$tools/"
    (cd "$tools" && npm ci --no-audit --no-fund --silent) || give_up 'npm could not install'
fi

# What a page looks like depends on the letters; the pictures are taken with these where they are there.
if fc-list 2>/dev/null | grep -q 'Inter-Regular'; then
    FONTCONFIG_FILE=$here/fonts.conf
    export FONTCONFIG_FILE
fi

cd "$here"
if [ ${#only[@]} -gt 0 ]; then
    node --test --test-concurrency=1 "${only[@]}"
    exit
fi

service=$root/target/release/homecoming
[ -x "$service" ] || service=$root/target/debug/homecoming
if [ "$hour" = yes ]; then
    [ -x "$service" ] || give_up 'build the service first: cargo build --release'
    HOMECOMING=$service nice node hour.mjs "$@"
    exit
fi

step 'the parts, and the page against a made-up shop'
node --test --test-concurrency=1 pieces.test.mjs shows.test.mjs live.test.mjs safety.test.mjs access.test.mjs

if [ -x "$service" ]; then
    step 'the page against the service'
    HOMECOMING=$service HOMECOMING_BROKER=$broker node --test --test-concurrency=1 service.test.mjs
elif [ "$broker" = yes ]; then
    give_up 'build the service first: cargo build --release'
else
    echo 'page: NOT TESTED against the service, which is not built (cargo build)'
fi

if [ "$pictures" = yes ]; then
    step 'pictures'
    node pictures.mjs "$root/docs/page"
fi
echo 'page: all well'
