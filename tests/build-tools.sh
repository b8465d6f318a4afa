#!/usr/bin/env bash
# What building the Kafka client needs beside Rust. Installs it where it may, says what is missing where it may not.
set -euo pipefail

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v c++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)
command -v perl >/dev/null || missing+=(perl)
command -v python3 >/dev/null || missing+=(python3)

if ! command -v cargo >/dev/null; then
    echo "missing: Rust; install it with rustup (the version is in rust-toolchain.toml)" >&2
    exit 1
fi
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    exit 0
fi
echo "missing: ${missing[*]}; on Debian: sudo apt-get install ${missing[*]}" >&2
exit 1
