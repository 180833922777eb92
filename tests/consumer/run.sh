#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds and runs a small program against an installed eddy, as its users would.
#
#   BUILD=build tests/consumer/run.sh WAY STAGE     installs BUILD below STAGE first (DESTDIR)
#   PREFIX=/opt/eddy tests/consumer/run.sh WAY STAGE     uses what is installed; STAGE is scratch
#
# WAY: pkg-config, pkg-config-static, cmake or cplusplus
set -euo pipefail

way=${1:?usage: run.sh WAY STAGE}
stage=${2:?usage: run.sh WAY STAGE}
here=$(cd "$(dirname "$0")" && pwd)
work=$stage/work
rm -rf "$stage"
mkdir -p "$work"

sysroot=
if [ -z "${PREFIX:-}" ]; then
    meson install -C "${BUILD:?}" --no-rebuild --quiet --destdir "$stage" >/dev/null
    prefix=$(meson introspect --buildoptions "$BUILD" |
        python3 -c 'import json, sys
print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
    sysroot=$stage
    PREFIX=$prefix
fi
pc=$(find "$sysroot$PREFIX" -name eddy.pc)
[ -n "$pc" ] || {
    echo "no eddy.pc below $sysroot$PREFIX" >&2
    exit 1
}
libdir=$(dirname "$(dirname "$pc")")
export LD_LIBRARY_PATH=$libdir
export PKG_CONFIG_PATH=$libdir/pkgconfig
export PKG_CONFIG_SYSROOT_DIR=$sysroot

has_client() {
    pkg-config --exists eddy-client
}

has_tls() {
    pkg-config --exists eddy-tls
}

has_test() {
    pkg-config --exists eddy-test
}

# A test program: once as it is, once by seeds, once swept.
run_tests() {
    "$1" && "$1" --seeds 20 && "$1" --sweep
}

read -r -a cc <<<"${CC:-cc}"
case "$way" in
pkg-config)
    # shellcheck disable=SC2046 # the flags are words
    "${cc[@]}" "$here/consumer.c" -o "$work/consumer" $(pkg-config --cflags --libs eddy)
    readelf -d "$work/consumer" | grep -q 'NEEDED.*libeddy\.so\.0\]'
    "$work/consumer"
    pkg-config --cflags eddy | grep -q -- -fstack-clash-protection
    pkg-config --variable=stack_cflags eddy | grep -q -- -fno-omit-frame-pointer
    if has_client; then
        # shellcheck disable=SC2046
        "${cc[@]}" "$here/consumer.c" -o "$work/client" $(pkg-config --cflags --libs eddy-client)
        "$work/client"
    fi
    if has_tls; then
        # shellcheck disable=SC2046
        "${cc[@]}" "$here/consumer_tls.c" -o "$work/tls" $(pkg-config --cflags --libs eddy-tls)
        readelf -d "$work/tls" | grep -q 'NEEDED.*libeddy-tls\.so\.0\]'
        "$work/tls"
    fi
    if has_test; then
        # shellcheck disable=SC2046
        "${cc[@]}" "$here/consumer_test.c" -o "$work/test" $(pkg-config --cflags --libs eddy-test)
        readelf -d "$work/test" | grep -q 'NEEDED.*libeddy-test\.so\.0\]'
        run_tests "$work/test"
    fi
    ;;
pkg-config-static)
    # The archive by its name: the rest of the flags as pkg-config gives them.
    # shellcheck disable=SC2046
    "${cc[@]}" "$here/consumer.c" -o "$work/consumer" $(pkg-config --static --cflags --libs eddy |
        sed 's/-leddy\b/-l:libeddy.a/')
    if has_test; then
        # shellcheck disable=SC2046
        "${cc[@]}" "$here/consumer_test.c" -o "$work/test" $(
            pkg-config --static --cflags --libs eddy-test |
                sed 's/-leddy-test\b/-l:libeddy-test.a/; s/-leddy\b/-l:libeddy.a/'
        )
    fi
    if has_tls; then
        # shellcheck disable=SC2046
        "${cc[@]}" "$here/consumer_tls.c" -o "$work/tls" $(
            pkg-config --static --cflags --libs eddy-tls |
                sed 's/-leddy-tls\b/-l:libeddy-tls.a/; s/-leddy\b/-l:libeddy.a/'
        )
    fi
    unset LD_LIBRARY_PATH
    if has_tls; then
        ! readelf -d "$work/tls" | grep -q 'NEEDED.*libeddy'
        "$work/tls"
    fi
    ! readelf -d "$work/consumer" | grep -q 'NEEDED.*libeddy'
    "$work/consumer"
    if has_test; then
        ! readelf -d "$work/test" | grep -q 'NEEDED.*libeddy'
        run_tests "$work/test"
    fi
    ;;
cmake)
    cmake -S "$here" -B "$work" -DCMAKE_PREFIX_PATH="$sysroot$PREFIX" \
        -DCMAKE_C_COMPILER="${cc[-1]}" >"$work/configure.log" || {
        cat "$work/configure.log"
        exit 1
    }
    cmake --build "$work"
    for program in consumer consumer_static consumer_cplusplus consumer_client consumer_tls \
        consumer_tls_static; do
        [ ! -x "$work/$program" ] || "$work/$program"
    done
    for program in consumer_test consumer_test_static; do
        [ ! -x "$work/$program" ] || run_tests "$work/$program"
    done
    ;;
cplusplus)
    for standard in c++17 c++20; do
        # shellcheck disable=SC2046
        "${CXX:-c++}" -std=$standard -Wall -Wextra -Werror "$here/consumer.cc" \
            -o "$work/consumer-$standard" $(pkg-config --cflags --libs eddy)
        "$work/consumer-$standard"
    done
    ;;
*)
    echo "unknown way: $way" >&2
    exit 2
    ;;
esac
