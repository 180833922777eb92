#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A build without OpenSSL configures, says that TLS is left out, and has no target of it.
#
#   tests/tls/without.sh SOURCE_ROOT
set -euo pipefail

root=${1:?usage: without.sh SOURCE_ROOT}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
meson setup "$work/build" "$root" -Dtls=disabled >"$work/said" 2>&1 || {
    cat "$work/said"
    exit 1
}
grep -q 'eddy-tls (OpenSSL) *: *NO' "$work/said"
! meson introspect --targets "$work/build" | grep -q '"eddy-tls"'
