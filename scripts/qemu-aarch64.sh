#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs an aarch64 program under qemu's user emulation, whatever the distribution calls it, and
# tells the program so by EDDY_EMULATOR.
#   scripts/qemu-aarch64.sh PROGRAM [ARGUMENT...]
#   scripts/qemu-aarch64.sh --found     is there one?
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)/build/ci/aarch64-root

for qemu in qemu-aarch64-static qemu-aarch64; do
    command -v "$qemu" >/dev/null || continue
    [ "${1:-}" != --found ] || exit 0
    exec "$qemu" -L /usr/aarch64-linux-gnu \
        -E EDDY_EMULATOR=qemu -E LD_LIBRARY_PATH="$root/usr/lib/aarch64-linux-gnu" "$@"
done
exit 1
