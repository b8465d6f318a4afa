#!/usr/bin/env bash
# The image without Docker and without a base image: a program that is built already, and Debian packages of the machine
# it was built on, so that it finds the glibc it was linked with. Needs root, a Debian, buildah and binutils.
#
#   deploy/image/build.sh FOLDER [PROGRAM]
#
# PROGRAM is target/release/homecoming unless given. Writes FOLDER/oci, an OCI layout tagged with the version:
#   skopeo copy oci:FOLDER/oci:0.1.0 docker://registry.example.com/shop/homecoming:0.1.0
# The same program and packages make the same image, to the bit.
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,9p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
program=${2:-$root/target/release/homecoming}
packages=(libc6 libgcc-s1 ca-certificates)

give_up() {
    echo "deploy/image/build.sh: $1" >&2
    exit 1
}
for tool in apt-get dpkg-deb buildah strip rustc; do
    command -v "$tool" > /dev/null || give_up "missing: $tool; on Debian: apt-get install buildah binutils"
done
[ "$(id -u)" = 0 ] || give_up "buildah's chroot isolation needs root here"
[ -x "$program" ] || give_up "there is no $program: cargo build --release --locked"

version=$("$program" --version | sed 's/^homecoming //')
revision=${REVISION:-$(git -C "$root" rev-parse HEAD 2> /dev/null || echo unknown)}

fetch() { # PACKAGE...
    # As root, apt says that it does not become another user for this.
    (cd debs && apt-get download -qq "$@" 2> apt.log) || { cat debs/apt.log >&2; give_up "apt-get download $*"; }
}

# Only what runs: no manual pages, no character sets but UTF-8, no package manager. Who made it stays: the licences, and
# what scanners ask for, the packages' names and versions.
lay_out_base() {
    local deb name
    mkdir debs
    fetch "${packages[@]}"
    mkdir -p base/etc/ssl/certs base/var/lib/dpkg/status.d base/tmp base/run/secrets
    chmod 1777 base/tmp
    for name in "${packages[@]}"; do
        deb=$(ls debs/"$name"_*.deb) || give_up "Debian's package $name could not be had"
        dpkg-deb --extract "$deb" unpacked
        dpkg-deb --field "$deb" > "base/var/lib/dpkg/status.d/$name"
    done
    for name in "${packages[@]}"; do
        # Some packages leave their licence to another one.
        if [ -L "unpacked/usr/share/doc/$name" ]; then
            fetch "$(readlink "unpacked/usr/share/doc/$name")"
            dpkg-deb --extract "$(ls debs/"$(readlink "unpacked/usr/share/doc/$name")"_*.deb)" unpacked
        fi
        install -D -m 0644 -t "base/usr/share/doc/$name" "unpacked/usr/share/doc/$name/copyright"
    done
    find unpacked/usr/share/ca-certificates -name '*.crt' | sort | xargs cat > base/etc/ssl/certs/ca-certificates.crt
    copy_libraries
    install -m 0644 /etc/os-release base/etc/os-release
    echo 'hosts: files dns' > base/etc/nsswitch.conf
    printf 'root:x:0:0:root:/:/nonexistent\nnonroot:x:65532:65532:nonroot:/:/nonexistent\n' > base/etc/passwd
    printf 'root:x:0:\nnonroot:x:65532:\n' > base/etc/group
}

# The loader, the libraries the program names, and those that glibc loads by itself, for DNS and for ending threads.
copy_libraries() {
    local library at
    for library in $(ldd "$program" | grep -o '/[^ ]*') libresolv.so.2 libgcc_s.so.1; do
        library=$(basename "$library")
        find unpacked -name "$library" > places
        [ -s places ] || give_up "none of ${packages[*]} has $library, which the program needs"
        # Links as they are: the loader stands at two places, and one is a link to the other.
        while read -r at; do
            mkdir -p "base/$(dirname "${at#unpacked/}")"
            cp -P "$at" "base/${at#unpacked/}"
        done < places
    done
}

work=$(mktemp -d)
storage=(--storage-driver vfs --root "$work/storage" --runroot "$work/run")
# buildah leaves mounts of its own behind; only what is ours is removed.
trap 'rm -rf "$work"' EXIT
cd "$work"

lay_out_base
mkdir program
strip --strip-debug -o program/homecoming "$program"
rustc --edition 2024 -C opt-level=s -C panic=abort -C strip=symbols -o program/healthcheck "$root/deploy/healthcheck.rs"
chmod 0755 program/*
install -m 0644 "$root/config/homecoming.toml" homecoming.toml
find base -type d ! -path base/tmp -exec chmod 0755 {} +

# Does it start with nothing but this around it?
cp -r base started
cp program/homecoming started/
[ "$(chroot started /homecoming --version)" = "homecoming $version" ] || give_up "the program does not start in the image"

buildah "${storage[@]}" bud --isolation chroot --format oci --layers --timestamp 0 --quiet \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" \
    --tag "localhost/homecoming:$version" --file "$here/Containerfile" . > /dev/null
rm -rf "$out/oci"
buildah "${storage[@]}" push --quiet "localhost/homecoming:$version" "oci:$out/oci:$version"

echo "homecoming $version, revision $revision: oci:$out/oci:$version"
echo "  packages: $(cat base/var/lib/dpkg/status.d/* | awk '/^Package:/ { name = $2 } /^Version:/ { printf "%s %s  ", name, $2 }')"
echo "  size: $(du -sb base program | awk '{ sum += $1 } END { printf "%.1f", sum / 1048576 }') MiB," \
    "$(du -sb "$out/oci" | awk '{ printf "%.1f", $1 / 1048576 }') MiB compressed"
