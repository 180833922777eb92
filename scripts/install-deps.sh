#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the Debian or Ubuntu packages that a profile needs, and only those that are missing.
#
#   scripts/install-deps.sh PROFILE     PROFILE: build, demo, check, torture, ci, bench or docs
#
# As root, or where sudo asks no password, it installs them with apt-get. Anywhere else it prints
# the one command that would, and ends with 1. With nothing missing it says nothing.
set -euo pipefail

build=(gcc libc6-dev meson ninja-build pkg-config liburing-dev)
demo=(libcurl4-openssl-dev libjansson-dev libjpeg-dev)
check=(libcmocka-dev libssl-dev g++ cmake openssl libglib2.0-dev)
clients=(curl netcat-openbsd socat) # for the servers among the examples; what is missing isn't met
torture=(clang strace)
ci=(clang-format valgrind qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross gdb)
photographs=mate-backgrounds # the demo does without: it then draws its own pictures

docs=(python3-sphinx)

needed=("${build[@]}")
optional=()
case "${1:-}" in
build) ;;
demo)
    needed+=("${demo[@]}")
    optional=("$photographs")
    ;;
docs)
    needed=("${docs[@]}")
    ;;
check | bench)
    needed+=("${demo[@]}" "${check[@]}")
    [ "$1" = bench ] || optional=("${clients[@]}")
    ;;
torture | ci)
    needed+=("${demo[@]}" "${check[@]}" "${torture[@]}")
    optional=("${clients[@]}")
    [ "$1" = torture ] || needed+=("${ci[@]}" "${docs[@]}")
    # clang's sanitizers and libFuzzer are a package of their own, named after its version.
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    case "$codename" in
    bookworm) needed+=(libclang-rt-14-dev) ;;
    trixie) needed+=(libclang-rt-19-dev) ;;
    noble) needed+=(libclang-rt-18-dev) ;;
    esac
    ;;
*)
    sed -n '3,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-deps: not a Debian or Ubuntu; going on with what is here. Their names for what" \
        "is needed: ${needed[*]} ${optional[*]}" >&2
    exit 0
fi

# missing PACKAGE...: those of them that are not installed
missing() {
    [ $# -gt 0 ] || return 0
    local installed
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    local package
    for package; do
        grep -qx "installed $package" <<<"$installed" || echo "$package"
    done
}

mapfile -t to_install < <(missing "${needed[@]}")
mapfile -t to_try < <(missing "${optional[@]}")
[ $((${#to_install[@]} + ${#to_try[@]})) -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        echo "install-deps: to go on, these packages are needed; this installs them:" >&2
        echo "  sudo apt-get install --no-install-recommends ${to_install[*]} ${to_try[*]}" >&2
        # Missing photographs or clients alone are no reason to stop.
        [ ${#to_install[@]} -eq 0 ] || exit 1
        exit 0
    fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# apt ARGUMENT...: apt-get, quiet unless it fails
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$log" 2>&1
}

# install PACKAGE...: with the package lists at hand, or else with new ones
install() {
    apt install --no-install-recommends "$@" && return
    echo "install-deps: apt-get update, and again"
    apt update && apt install --no-install-recommends "$@"
}

if [ ${#to_install[@]} -gt 0 ]; then
    echo "install-deps: installing ${to_install[*]}"
    if ! install "${to_install[@]}"; then
        tail -n 20 "$log" >&2
        echo "install-deps: apt-get could not install ${to_install[*]}" >&2
        exit 1
    fi
fi
if [ ${#to_try[@]} -gt 0 ]; then
    echo "install-deps: installing ${to_try[*]}"
    install "${to_try[@]}" || echo "install-deps: ${to_try[*]} can't be had here; going on without"
fi
