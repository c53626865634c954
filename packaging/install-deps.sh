#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs with apt what hugfs needs on Debian 12 and 13. Does nothing, and needs neither root
# nor a network, when everything is there.
#
#   packaging/install-deps.sh          to build and run hugfs
#   packaging/install-deps.sh try      and for the local Hub of packaging/try.sh
#   packaging/install-deps.sh test     and for tests/run.sh
#   packaging/install-deps.sh clients  and torch, for the official clients of tests/clients
set -eu

build=(fuse3 ca-certificates gcc libc6-dev cmake ninja-build pkg-config libfuse3-dev
    libcurl4-openssl-dev libcjson-dev libsqlite3-dev liblz4-dev libssl-dev zlib1g-dev uthash-dev)
try=(python3 python3-venv git)
test=(libcmocka-dev clang libclang-rt-dev clang-format clang-tidy codespell shellcheck mandoc
    nginx-light rclone fio nodejs npm curl openssl psmisc procps util-linux)
clients=(python3-torch python3-numpy)

case ${1:-build} in
build) wanted=("${build[@]}") ;;
try) wanted=("${build[@]}" "${try[@]}") ;;
test) wanted=("${build[@]}" "${try[@]}" "${test[@]}") ;;
clients) wanted=("${build[@]}" "${try[@]}" "${test[@]}" "${clients[@]}") ;;
*)
    echo "usage: packaging/install-deps.sh [build|try|test|clients]" >&2
    exit 1
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian. hugfs needs, under whatever name they have here: ${wanted[*]}" >&2
    echo "and BLAKE3's C library." >&2
    exit 0
fi

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# A program that was installed by other means (node from its makers, say) is as good.
is_here() {
    is_installed "$1" && return 0
    case $1 in
    nodejs) command -v node ;;
    npm | git | curl | cmake | fio | rclone | shellcheck | codespell) command -v "$1" ;;
    *) return 1 ;;
    esac >/dev/null
}

missing=()
for package in "${wanted[@]}"; do
    is_here "$package" || missing+=("$package")
done
needs_blake3=no
is_installed libblake3-dev || is_installed librust-blake3-dev || needs_blake3=yes
[ ${#missing[@]} -eq 0 ] && [ $needs_blake3 = no ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Please install as root: apt-get install ${missing[*]}" >&2
        [ $needs_blake3 = no ] || echo "and libblake3-dev, or on Debian 12 librust-blake3-dev." >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "Installing with apt:${missing[*]:+ ${missing[*]}}$([ $needs_blake3 = no ] || echo ' BLAKE3')"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 update -qq
if [ $needs_blake3 = yes ]; then
    # Debian 12 has no C library, but the Rust package brings the official C sources.
    if apt-cache show libblake3-dev >/dev/null 2>&1; then
        missing+=(libblake3-dev)
    else
        missing+=(librust-blake3-dev)
    fi
fi
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
